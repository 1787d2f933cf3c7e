/* Holding a range of a log: taking it, the frontier it begins with, and starting to read it. On the settler's
 * thread. */
#ifndef CTVIGIL_TENURE_H
#define CTVIGIL_TENURE_H

#include "ingest/settle.h"

/* Another process has the range: how long until it is tried again. */
int64_t tenure_retry_ms(const struct settle *settle);
/* Takes an unfinished range when none is held. */
void tenure_take(struct settle *settle, struct follow *follow);
/* The held range was joined with the one below: goes on with what the store says, without a break. False:
 * that can not be, it must be let go and taken again. */
MUST_USE bool tenure_adopt(struct settle *settle, struct follow *follow, const struct store_range *range);
/* Is the held range still what the store has? It may have been cut for what was not stored (store.h: ranges),
 * and where nothing is committed nobody would hear of it. If not it is let go, and taken as it is. False: the
 * store does not answer. */
MUST_USE bool tenure_look(struct settle *settle, struct follow *follow);
/* The frontier at the verified position: known, or asked of the log and believed only as far as a signed head
 * above it is equalled later. While it can not be had, entries are read and stored all the same. */
void tenure_base(struct settle *settle, struct follow *follow);
/* Starts (or starts again) the read lane at range.next. */
void tenure_read(struct settle *settle, struct follow *follow);
/* Stops it; what was read and not settled is dropped. */
void tenure_pause(struct settle *settle, struct follow *follow);

#endif
