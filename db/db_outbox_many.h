/* What becomes of claimed rows of the outbox, many in one statement. A row whose claim was lost meanwhile is
 * left alone. Each call is a transaction of its own. */
#ifndef CTVIGIL_DB_OUTBOX_MANY_H
#define CTVIGIL_DB_OUTBOX_MANY_H

#include "db/db_outbox.h"

#define DB_OUTBOX_MANY_MAX 256 /* items of one call */

struct db_outbox_terms {
    int64_t escalate_ms; /* > 0: it is handed on after that time unless somebody acknowledges the alert */
    bool open_there;     /* the receiver has an incident now that has to be ended: db_outbox_many_over */
};

/* Accepted by the receiver: they are sent, new alerts become notified. */
MUST_USE enum err_code db_outbox_many_sent(struct pgconn *conn, const struct db_outbox_item *items,
                                           size_t count, const struct db_outbox_terms *terms,
                                           struct err *why);
/* Not accepted: one more try is counted; due again in retry_ms, or dead with try number tries_max. */
MUST_USE enum err_code db_outbox_many_failed(struct pgconn *conn, const struct db_outbox_item *items,
                                             size_t count, const char *error, int64_t retry_ms,
                                             int32_t tries_max, struct err *why);
/* The channel does not want them: they are over, until the alert says something new. */
MUST_USE enum err_code db_outbox_many_filtered(struct pgconn *conn, const struct db_outbox_item *items,
                                               size_t count, const char *reason, struct err *why);
/* Not now: due in wait_ms, and `held` in the next claim. No try is counted. */
MUST_USE enum err_code db_outbox_many_held(struct pgconn *conn, const struct db_outbox_item *items,
                                           size_t count, const char *reason, int64_t wait_ms,
                                           struct err *why);
/* Given back unused: due at once. */
MUST_USE enum err_code db_outbox_many_released(struct pgconn *conn, const struct db_outbox_item *items,
                                               size_t count, struct err *why);

/* Hands on what `from` was told of and nobody acknowledged in time: `to` gets it, filters or not, unless it
 * has been told already. *count: how many. */
MUST_USE enum err_code db_outbox_many_escalate(struct pgconn *conn, const char *from, const char *to,
                                               uint64_t *count, struct err *why);

/* The first incident of the channel that is still open there while its alert is acked or closed: *alert, *id
 * of the row. 0: none. db_outbox_many_ended takes it off the list. */
MUST_USE enum err_code db_outbox_many_over(struct pgconn *conn, const char *channel, int64_t *id,
                                           int64_t *alert, struct err *why);
MUST_USE enum err_code db_outbox_many_ended(struct pgconn *conn, int64_t id, struct err *why);

#endif
