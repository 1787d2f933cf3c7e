/* The transactional outbox: one row per (alert, channel), written with the alert, worked off by any number of
 * notifiers. Delivered at least once; `key` is the same at every try, so a receiver can drop a repetition.
 *
 * Who gets what: an alert goes to the channels that are known and enabled when it is raised and that its
 * domain allows. When there is none, or nobody has served any of them for LIMIT_CHANNEL_ABSENT_H, it goes to
 * those that there are, or that come (db_outbox_adopt). A channel that comes later gets an alert that others
 * were given already only when somebody asks for it (db_outbox_retry).
 */
#ifndef CTVIGIL_DB_OUTBOX_H
#define CTVIGIL_DB_OUTBOX_H

#include "base/err.h"
#include "db/pgconn.h"

#define DB_OUTBOX_CHANNEL_MAX 64
#define DB_OUTBOX_KEY_MAX     37

struct db_outbox_item {
    int64_t id;
    int64_t alert;
    char channel[DB_OUTBOX_CHANNEL_MAX];
    char key[DB_OUTBOX_KEY_MAX]; /* UUID text */
    int32_t tries;               /* finished tries before this one */
    bool held;                   /* it was held back before: db_outbox_many_held */
    bool handed;                 /* another channel handed it on: db_outbox_many_escalate */
    int64_t token; /* names this claim: a finisher whose lease ran out and was claimed anew changes nothing */
};

/* Makes the channel known and enabled: alerts raised from now on get an outbox row for it. */
MUST_USE enum err_code db_outbox_channel(struct pgconn *conn, const char *name, struct err *why);
MUST_USE enum err_code db_outbox_channel_disable(struct pgconn *conn, const char *name, struct err *why);

/* Is there an enabled channel of that name? */
MUST_USE enum err_code db_outbox_known(struct pgconn *conn, const char *channel, bool *known,
                                       struct err *why);

/* Gives rows to every new alert that nobody is told of because no channel of its domain was enabled when it
 * came, or because those that were are served no more. What waits there goes on waiting. */
MUST_USE enum err_code db_outbox_adopt(struct pgconn *conn, uint64_t *adopted, struct err *why);

/* Claims up to `max` due rows of `channel` (FOR UPDATE SKIP LOCKED), those that wait longest, and hands them
 * out by alert, by moving next_try_at lease_ms ahead: whoever dies with a claimed row loses it to the next
 * claimer after that time. */
MUST_USE enum err_code db_outbox_claim(struct pgconn *conn, const char *channel, int64_t lease_ms,
                                       struct db_outbox_item *items, size_t max, size_t *count,
                                       struct err *why);
/* Accepted by the receiver: the row is sent, a new alert becomes notified. */
MUST_USE enum err_code db_outbox_sent(struct pgconn *conn, const struct db_outbox_item *item,
                                      struct err *why);
/* Not accepted: one more try is counted; due again in retry_ms, or never again when `dead`. */
MUST_USE enum err_code db_outbox_failed(struct pgconn *conn, const struct db_outbox_item *item,
                                        const char *error, int64_t retry_ms, bool dead, struct err *why);
/* The claim is given back unused: the row is due at once. */
MUST_USE enum err_code db_outbox_release(struct pgconn *conn, const struct db_outbox_item *item,
                                         struct err *why);
/* Dead rows of the alert become due again, their tries forgotten; 0 for `alert` means of all alerts. One
 * alert that is new or notified also gets rows for the channels that came after it. *count: rows due now. */
MUST_USE enum err_code db_outbox_retry(struct pgconn *conn, int64_t alert, uint64_t *count, struct err *why);
/* Milliseconds until the next row of `channel` is due: 0 now, negative: nothing waits. */
MUST_USE enum err_code db_outbox_due_in(struct pgconn *conn, const char *channel, int64_t *wait_ms,
                                        struct err *why);

#endif
