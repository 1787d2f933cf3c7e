/* The notifier: takes due rows out of the outbox and hands them to channels. One thread and one database
 * connection per channel (watcher/courier.h), so that a receiver that hangs holds up nobody else. Any number
 * of processes may work on one outbox: a row is leased while it is being sent, for 30 seconds longer than one
 * send may take, and as many rows at once as a receiver takes in a quarter of a second; deliver_stop gives
 * them back, a killed process loses them when the lease runs out. At least once, with the same key; after
 * LIMIT_DELIVERY_TRIES a row is dead, which is said, shown and alerted until `alert retry` gives it another
 * life. */
#ifndef CTVIGIL_DELIVER_H
#define CTVIGIL_DELIVER_H

#include "base/err.h"
#include "watcher/channel.h"

struct deliver_options {
    const char *dsn;           /* copied */
    struct channel **channels; /* taken over, also when deliver_start fails */
    size_t channel_count;
    int64_t poll_ms;           /* longest time between two looks at the outbox; 0: 1000 */
    const int64_t *backoff_ms; /* wait after the first, second ... failure, the last one for all further;
                                  copied; NULL: 1 min, 5 min, 30 min, 2 h */
    size_t backoff_count;
    int32_t tries_max; /* 0: LIMIT_DELIVERY_TRIES */
};

#define DELIVER_BACKOFF_MAX 16

struct deliver;

/* Makes the channels known to the database, so that alerts from now on wait for them, and starts. */
MUST_USE enum err_code deliver_start(const struct deliver_options *options, struct deliver **deliver,
                                     struct err *why);
/* Ends a send that is under way (it will be tried again by somebody) and waits for the threads. NULL is fine.
 */
void deliver_stop(struct deliver *deliver);
/* Waits until nothing is due or on its way, at most wait_ms. False: something still is. Rows that wait for
 * their next try do not count. */
bool deliver_idle(struct deliver *deliver, int64_t wait_ms);

/* Does some channel wait for the database? */
bool deliver_down(const struct deliver *deliver);
/* Deliveries that receivers did not accept since the start. */
uint64_t deliver_refused(const struct deliver *deliver);

enum deliver_outcome { DELIVER_SENT, DELIVER_REFUSED, DELIVER_ELSEWHERE };

/* Sends one alert through one channel now, in the caller's thread (`alert test`). DELIVER_REFUSED: `failure`
 * says why, the row waits for its next try. DELIVER_ELSEWHERE: another notifier has it. An incident that the
 * receiver opened is ended at once; DELIVER_SENT with a `failure`: it could not be, and will be tried again.
 */
MUST_USE enum err_code deliver_one(struct pgconn *conn, struct channel *channel, int64_t alert,
                                   enum deliver_outcome *outcome, struct err *failure, struct err *why);

#endif
