/* Acknowledging many alerts at once, after a migration of CAs, say. */
#ifndef CTVIGIL_DB_ALERT_ACK_H
#define CTVIGIL_DB_ALERT_ACK_H

#include "base/err.h"
#include "db/pgconn.h"

struct db_alert_ack_filter {
    const char *domain;   /* of that registered domain; NULL: any, those without one too */
    const char *kind;     /* NULL: any */
    const char *severity; /* this one or less grave; NULL: any */
    int64_t until_ms;     /* raised before; 0: before the call */
};

/* As db_alert_ack, for every alert that is new or notified and fits; in pieces, each a transaction. *count:
 * how many. */
MUST_USE enum err_code db_alert_ack_all(struct pgconn *conn, const struct db_alert_ack_filter *filter,
                                        const char *reason, uint64_t *count, struct err *why);

#endif
