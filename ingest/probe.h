/* One look at a log from a command, outside of the pipeline: does the key fit, how large is it, where is a
 * time? */
#ifndef CTVIGIL_PROBE_H
#define CTVIGIL_PROBE_H

#include "base/err.h"
#include "model/ctlog.h"

struct probe_head {
    uint64_t size;
    int64_t timestamp_ms;
    uint8_t root[32];
};

/* Fetches and verifies the current head. ERR_SIGNATURE or ERR_FORMAT: the key or origin does not fit; class
 * WORLD: the log can not be reached now. */
MUST_USE enum err_code probe_read_head(const struct ctlog *log, const char *user_agent,
                                       struct probe_head *head, struct err *why);

/* Where reading should begin so as to see what is of time_ms or later: an entry at or after it, behind one
 * before it, by bisection over `size` entries that is checked afterwards (timesearch.h); size when all are
 * older. Says on standard error when the timestamps are not in order, or when nothing is of that day. */
MUST_USE enum err_code probe_find_time(const struct ctlog *log, const char *user_agent, uint64_t size,
                                       int64_t time_ms, uint64_t *index, struct err *why);

#endif
