/* A channel whose receiver does not take what it is sent: that is an alert itself, told through the other
 * channels, and over when the receiver takes something again. Shared by all processes that serve the channel.
 */
#ifndef CTVIGIL_DB_CHANNEL_STATE_H
#define CTVIGIL_DB_CHANNEL_STATE_H

#include "base/err.h"
#include "db/pgconn.h"

/* One more failure in a row. Raises channel_failing, once for each such time: with LIMIT_CHANNEL_FAILURES
 * failures over LIMIT_CHANNEL_FAILING_S. Where there is no other channel the alert waits for this one.
 * Deliveries that were given up are told of apart (db_letter.h). *raised: now. */
MUST_USE enum err_code db_channel_state_failed(struct pgconn *conn, const char *name, const char *error,
                                               bool *raised, struct err *why);
/* It took something: what was said about it is closed. *over: there was something to close. */
MUST_USE enum err_code db_channel_state_worked(struct pgconn *conn, const char *name, bool *over,
                                               struct err *why);
/* How many channels have an open alert channel_failing. */
MUST_USE enum err_code db_channel_state_count(struct pgconn *conn, int64_t *count, struct err *why);

/* Hours of a channel. Minutes are those of the day in `zone`; negative: none. */
struct db_channel_hours {
    const char *zone;
    int quiet_first;
    int quiet_last;
    int digest_at;    /* time of day */
    int digest_every; /* minutes, counted from the epoch */
};

/* *quiet_ms: until the quiet hours end that hold now, 0: none hold. *digest_ms: until the next digest, 0:
 * there are no digests. By the server's clock and time zones; ERR_CONFIG for a zone that it does not know. */
MUST_USE enum err_code db_channel_state_hours(struct pgconn *conn, const struct db_channel_hours *hours,
                                              int64_t *quiet_ms, int64_t *digest_ms, struct err *why);

#endif
