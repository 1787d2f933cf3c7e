/* One look at a log from outside of the pipeline: where is a time? */
#ifndef CTVIGIL_PROBE_H
#define CTVIGIL_PROBE_H

#include "ingest/courtesy.h"

/* Where reading should begin so as to see what is of time_ms or later: an entry at or after it, behind one
 * before it, by bisection over `size` entries that is checked afterwards (timesearch.h); size when all are
 * older. Says on standard error when the timestamps are not in order, or when nothing is of that day. Some 60
 * requests, each within the budget of its operator (courtesy.h); waits for them, until `stop` (may be NULL)
 * is true. Class WORLD: the log can not be asked now. */
MUST_USE enum err_code probe_find_time(const struct courtesy *courtesy, const struct ctlog *log,
                                       uint64_t size, int64_t time_ms, const atomic_bool *stop,
                                       uint64_t *index, struct err *why);

#endif
