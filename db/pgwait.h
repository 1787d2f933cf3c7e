/* PRIVATE TO db/. A statement that may take an hour, and can be ended: the server is asked to cancel it when
 * somebody wants to leave. */
#ifndef CTVIGIL_PGWAIT_H
#define CTVIGIL_PGWAIT_H

#include <stdatomic.h>

#include "db/pgexec.h"

/* As pgexec_run. ERR_CLOSED: `stop` (may be NULL: never) turned true, and the statement did nothing. */
MUST_USE enum err_code pgwait_run(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                                  const atomic_bool *stop, PGresult **res, struct err *why);
/* The same for a statement whose rows nobody wants. */
MUST_USE enum err_code pgwait_do(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                                 const atomic_bool *stop, struct err *why);
/* The same for one that gives one number; no row, or NULL, is 0. */
MUST_USE enum err_code pgwait_number(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                                     const atomic_bool *stop, int64_t *value, struct err *why);
/* The same for one whose rows are too large to be held together: each is handed over as a result of one row.
 * False of `each` ends it, with ERR_OK. */
typedef bool pgwait_each(void *arg, const PGresult *res);
MUST_USE enum err_code pgwait_rows(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                                   const atomic_bool *stop, pgwait_each *each, void *arg, struct err *why);

#endif
