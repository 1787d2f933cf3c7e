/* Where two ranges of a log meet. The upper one begins with a frontier that the log has proven against a
 * signed head, so the entries of the lower one must give it: its root stands in the list of heads of the
 * lower range like a signed one (heads.h), and what does not equal it is read again, mended or told
 * (reread.h). Then the two become one. A log that proves nothing has its upper range begin with what the
 * lower one gave, and a signed head above has to be equalled with that before anything is verified. On the
 * settler's thread. */
#ifndef CTVIGIL_BRIDGE_H
#define CTVIGIL_BRIDGE_H

#include "ingest/settle.h"

/* After a range was taken: what is proven for its end. */
void bridge_load(struct settle *settle, struct follow *follow);
/* Forgets it; for a range that is let go. */
void bridge_drop(struct follow *follow);
/* The head at the end of the range as a new copy, if it lies above `above`; NULL: it does not, or is not
 * known. */
MUST_USE struct follow_head *bridge_head(const struct follow *follow, uint64_t above);
/* True when that is what `head` is: proven for its size, but not signed. */
bool bridge_is(const struct follow *follow, const struct head *head);
/* What is read does not give it: asks the log for the proof once more, against a head that the store has, so
 * that others can check it, too. */
void bridge_prove(struct settle *settle, struct follow *follow);
/* What the log answered, as JSON (heap), and the signed head with its bytes, which live until the store is
 * next asked for heads. NULL: no proof came. */
MUST_USE char *bridge_proof(struct settle *settle, struct follow *follow, struct head *tree);
/* A range that is read to its end is joined with the next one, as soon as that can be. */
void bridge_serve(struct settle *settle, struct follow *follow);
/* No signed head was equalled with the frontier that a lower range gave. True: the two are one range now,
 * which is let go. */
bool bridge_doubt(struct settle *settle, struct follow *follow);

#endif
