/* Cutting the ranges of a log. When the range that follows the head lags by more than `ingest.split_entries`,
 * it becomes a closed one, the backlog, and a new one that begins at the head, so that what is logged now is
 * read now. A process that finds the whole backlog of a log taken by others cuts the largest rest in two and
 * takes the upper half. On the settler's thread; never with `once`. */
#ifndef CTVIGIL_DIVIDE_H
#define CTVIGIL_DIVIDE_H

#include "ingest/settle.h"

/* The range that is held lags: it is cut and let go, and the new one is taken next. */
void divide_head(struct settle *settle, struct follow *follow);
/* All of `ranges`, which are the backlog, are taken by others: cuts one of them. True: there may be one to
 * take now. */
bool divide_backlog(struct settle *settle, struct follow *back, const struct store_range *ranges,
                    size_t count);
/* Where a range that lags is cut, for a signed head of `head` entries; 0: it is not. */
uint64_t divide_at(uint64_t next, uint64_t head, uint64_t most);
/* Where the unread rest of a closed range is cut in two; 0: it is too small for that. */
uint64_t divide_half(uint64_t next, uint64_t end, uint64_t most);

#endif
