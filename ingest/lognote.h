/* What `log status` shows of a log: the last error, the backlog's when the head has none, and that it was
 * heard of. On the settler's thread. */
#ifndef CTVIGIL_LOGNOTE_H
#define CTVIGIL_LOGNOTE_H

#include "ingest/settle.h"

void lognote_serve(struct settle *settle, struct follow *follow);

#endif
