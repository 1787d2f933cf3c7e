/* Tree heads in the name of a log whose signature is wrong. One may be a frontend that is being changed, or
 * somebody on the way; one that comes again over a new connection is evidence, bad_signature, with the bytes:
 * at most one account an hour, and one for each verified size. The log is inconsistent until it shows a good
 * head again. Nothing is read or verified by such a head. Works on the settler's thread. */
#ifndef CTVIGIL_FORGED_H
#define CTVIGIL_FORGED_H

#include "ingest/settle.h"

void forged_serve(struct settle *settle, struct follow *follow);

/* For the fetch thread: a reply for the head had a wrong signature. */
void forged_heard(struct follow *follow, struct span body);

#endif
