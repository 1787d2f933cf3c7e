/* PRIVATE TO db/. Statements that follow one another, in one round trip: on a connection across a room that
 * is most of what a small question costs. */
#ifndef CTVIGIL_PGSTEPS_H
#define CTVIGIL_PGSTEPS_H

#include "db/pgexec.h"

struct pgstep {
    const char *sql; /* as of pgexec_cached: a constant, prepared once; no two steps have the same */
    const struct pgexec_args *args;
    PGresult *res; /* freed by the caller with PQclear; of BEGIN it may be NULL */
};

#define PGSTEPS_MAX 5

/* One behind the other; BEGIN and ROLLBACK are statements like others. After an error those behind it did not
 * run, no result is kept, and a transaction that they began is to be ended with pgexec_rollback. Those that
 * begin none are one transaction, or one each: with a pooler or a spread database (db/spread.h) each is a
 * trip of its own. */
MUST_USE enum err_code pgsteps_run(struct pgconn *conn, struct pgstep *steps, size_t count, struct err *why);

#endif
