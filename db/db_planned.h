/* Certificates beyond the plan: a planned issuance (struct watch_expect) stands for one certificate. Which
 * one came first only the database knows, because they may come in two logs at once. */
#ifndef CTVIGIL_DB_PLANNED_H
#define CTVIGIL_DB_PLANNED_H

#include "base/err.h"
#include "db/pgconn.h"

struct db_planned {
    int64_t domain_id;
    uint8_t tbs_fp[32];
    uint8_t
        first_fp[32]; /* the one that was planned: alerted on before, by the same plan, for the same key */
    uint8_t spki_sha256[32];
};

#define DB_PLANNED_PAGE 64 /* in one go */
#define DB_PLANNED_RULE "expect_once"

/* Open alerts that take their certificate for a planned one, where another one is that already, and that have
 * no finding of rule "expect_once" yet. Behind the alert *after, which it moves; 0: there are no more. The
 * caller frees *list. */
MUST_USE enum err_code db_planned_list(struct pgconn *conn, int64_t *after, struct db_planned **list,
                                       size_t *count, struct err *why);

#endif
