/* Smaller signed heads than what is verified: does each begin the verified tree? A frontend that lags shows
 * such heads, and so does a log that lost its tree or made another one. Asked for is a proof, from the head
 * to the verified root (get-sth-consistency, get-entry-and-proof; hash tiles). A log that has none is asked
 * for the last entries of that tree: other ones than are stored, twice over new connections, contradict as
 * well, and so do the entries that were read, where they show it themselves (refute.h). What does not fit is
 * evidence, with both signed heads, once per verified size. Neither proven nor contradicted: the head stays
 * unjudged in the store, where `log status` counts it, and is looked at again. Works on the settler's thread,
 * with the lane of reread.h while that has no use for it. */
#ifndef CTVIGIL_CLAIMS_H
#define CTVIGIL_CLAIMS_H

#include "ingest/settle.h"

/* There may be some in the store: at once (a new one came), or as a look after a while. */
void claims_due(struct follow *follow);
/* A head was stored that is smaller than the verified tree. */
void claims_head(struct follow *follow, const struct head *head);
/* What the entries show of a smaller head, which is stored; taken over, NULL: there was no memory for it. The
 * log is asked as well, and then it is told. Of several that are waiting the first one counts. */
void claims_wrong(struct follow *follow, struct refute *refute);
void claims_serve(struct settle *settle, struct follow *follow);
/* With `once`: something is still to be found out. */
bool claims_busy(const struct follow *follow);
/* Forgets what is under way; the store has it. */
void claims_drop(struct settle *settle, struct follow *follow);

#endif
