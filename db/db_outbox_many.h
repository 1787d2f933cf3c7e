/* What becomes of claimed rows of the outbox, many in one statement. A row whose claim was lost meanwhile is
 * left alone. Each call is a transaction of its own. */
#ifndef CTVIGIL_DB_OUTBOX_MANY_H
#define CTVIGIL_DB_OUTBOX_MANY_H

#include "db/db_outbox.h"

#define DB_OUTBOX_MANY_MAX 256 /* items of one call */

struct db_outbox_terms {
    int64_t escalate_ms; /* > 0: it is handed on after that time unless somebody acknowledges the alert */
    bool open_there;     /* the receiver has an incident now that has to be ended: db_incident.h */
};

struct db_outbox_refusal {
    const char *error;
    int64_t retry_ms;  /* until the next try */
    int32_t tries_max; /* dead with that try */
    bool hand_on;      /* what is dead is handed on at once: db_outbox_many_escalate */
};

/* Accepted by the receiver: they are sent, new alerts become notified. */
MUST_USE enum err_code db_outbox_many_sent(struct pgconn *conn, const struct db_outbox_item *items,
                                           size_t count, const struct db_outbox_terms *terms,
                                           struct err *why);
/* Not accepted: one more try is counted; then due again, or dead. */
MUST_USE enum err_code db_outbox_many_failed(struct pgconn *conn, const struct db_outbox_item *items,
                                             size_t count, const struct db_outbox_refusal *refusal,
                                             struct err *why);
/* The channel does not want them: they are over, until the alert says something new. One that was handed on
 * meanwhile is due again at once. */
MUST_USE enum err_code db_outbox_many_filtered(struct pgconn *conn, const struct db_outbox_item *items,
                                               size_t count, const char *reason, struct err *why);
/* Not now: due in wait_ms, and `held` in the next claim. No try is counted. One that was handed on meanwhile
 * is due at once. */
MUST_USE enum err_code db_outbox_many_held(struct pgconn *conn, const struct db_outbox_item *items,
                                           size_t count, const char *reason, int64_t wait_ms,
                                           struct err *why);
/* Given back unused: due at once. */
MUST_USE enum err_code db_outbox_many_released(struct pgconn *conn, const struct db_outbox_item *items,
                                               size_t count, struct err *why);

/* Hands on what `from` was told of and nobody acknowledged in time, or could not be told of at all: `to` gets
 * it, filters or not, unless it has been told already. `to` may be a folder of hooks: then each of its
 * programs (NAME/PROGRAM) does. While no channel of that name is enabled nothing is handed on, nor forgotten.
 * *count: deliveries that are due now. */
MUST_USE enum err_code db_outbox_many_escalate(struct pgconn *conn, const char *from, const char *to,
                                               uint64_t *count, struct err *why);

#endif
