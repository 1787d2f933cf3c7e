/* Alerts that nobody has answered yet: what was issued under them can not be called usual. */
#ifndef CTVIGIL_DB_UNANSWERED_H
#define CTVIGIL_DB_UNANSWERED_H

#include "base/err.h"
#include "db/pgconn.h"

struct db_unanswered {
    int64_t id; /* of the alert */
    uint8_t tbs_fp[32];
    const char *kind;
};

#define DB_UNANSWERED_MAX 10000

/* Open alerts (new, notified) of severity high or critical about certificates of `name`, of names below it
 * and of the names it is below; with `ip` it is an address or a range, and what overlaps counts. Newest
 * first, at most DB_UNANSWERED_MAX; *cut: there are older ones. Only of entries that say which CAs
 * are allowed: where nobody did, every certificate is told of, and that says nothing about it. Not: alerts
 * about expiry, which are about the absence of another certificate. `one` lives during the call. */
MUST_USE enum err_code db_unanswered_each(struct pgconn *conn, const char *name, bool ip, bool *cut,
                                          void (*each)(void *arg, const struct db_unanswered *one), void *arg,
                                          struct err *why);

#endif
