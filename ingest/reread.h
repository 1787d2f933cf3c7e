/* Reading a suspect stretch again. A probe reads [verified, next) over new connections, hashes, and compares
 * with what is stored: a mismatch that comes from fresh bytes too is evidence; bytes that do give the signed
 * root are what should be stored, and what differs is mended (mend.h). Rows of the log wait while a probe
 * catches up with them and while they are mended; other logs never do. Runs on the settler's thread, in small
 * steps. */
#ifndef CTVIGIL_REREAD_H
#define CTVIGIL_REREAD_H

#include "ingest/settle.h"

/* Moves the re-reading of this log along as far as it goes now. */
void reread_serve(struct settle *settle, struct follow *follow);
/* The tree did not equal this head, and was verified up to `verified` before; takes `head` over. */
void reread_suspect(struct settle *settle, struct follow *follow, struct follow_head *head, uint64_t verified,
                    const uint8_t computed[32]);
/* True when a head of this size and root was found wrong before. */
bool reread_condemned(const struct follow *follow, const struct head *head);
/* After a range was taken: heads that should have been equalled long ago make a probe necessary. */
void reread_resume(struct settle *settle, struct follow *follow);
/* True while something is still to be found out about this log. */
bool reread_busy(const struct follow *follow);
/* True while nothing may be stored for this log. */
bool reread_holds(const struct follow *follow);
/* Rolls an open repair back and forgets what was read. */
void reread_abort(struct settle *settle, struct follow *follow);

#endif
