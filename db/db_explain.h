/* Alerts that the rules of a domain explain by now: a key or a certificate was authorised since, or a CA that
 * is allowed by its name turned out to have the key. */
#ifndef CTVIGIL_DB_EXPLAIN_H
#define CTVIGIL_DB_EXPLAIN_H

#include "base/err.h"
#include "db/pgconn.h"

/* Takes the findings of allow_ca, keys and expect out of the domain's open alerts that its stored rules do
 * not make any more, judging as watcher/rule_ca.c and rule_key.c do. An alert with none left is closed with
 * the reason, and whoever was told is told that (event withdrawn). One statement; *closed: how many. */
MUST_USE enum err_code db_explain_close(struct pgconn *conn, int64_t domain_id, const char *reason,
                                        uint64_t *closed, struct err *why);
/* Those of `domains` that have open alerts which it may be about; `open`: room for `count`. */
MUST_USE enum err_code db_explain_open(struct pgconn *conn, const int64_t *domains, size_t count,
                                       int64_t *open, size_t *open_count, struct err *why);

#endif
