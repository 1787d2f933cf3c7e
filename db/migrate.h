/* The schema and its numbered files (sql/, compiled into the program). Each is applied once, in one
 * transaction, and remembered with its checksum in the table schema_migration; an advisory lock lets one
 * program migrate at a time. */
#ifndef CTVIGIL_MIGRATE_H
#define CTVIGIL_MIGRATE_H

#include "base/err.h"
#include "db/pgconn.h"

struct migrate_status {
    unsigned known;   /* newest file of this program */
    unsigned applied; /* newest file of the database; 0: no schema yet */
    unsigned pending; /* files to apply, wherever in the row of numbers */
    unsigned first;   /* the lowest of them, may be less than `applied`; 0: none */
};

/* Applies what is missing, in the order of the numbers. ERR_DB_SCHEMA: the database has a step that this
 * program does not know, so a newer one made it, or a file was applied with another content. ERR_CONFIG: its
 * encoding is not UTF8. Nothing of a failing file stays. */
MUST_USE enum err_code migrate_run(struct pgconn *conn, unsigned *applied, struct err *why);
/* Looks, changes nothing; the same refusals as migrate_run. */
MUST_USE enum err_code migrate_status(struct pgconn *conn, struct migrate_status *status, struct err *why);
/* What migrate_run would apply, in order, with its text (NUL-terminated); conn NULL: a database that is not
 * made yet. Changes nothing; the refusals of migrate_run. */
typedef void migrate_step(void *arg, const char *name, const char *sql);
MUST_USE enum err_code migrate_plan(struct pgconn *conn, migrate_step *each, void *arg, struct err *why);
/* ERR_OK exactly when the schema is the one this program works with; otherwise ERR_DB_SCHEMA with the command
 * to run, or ERR_CONFIG as above. */
MUST_USE enum err_code migrate_check(struct pgconn *conn, struct err *why);
/* For who holds a connection for months, after migrate_check: `applied` is the newest file of the database
 * now, `steps` how many it has. ERR_DB_SCHEMA: a newer program has changed the schema since; what this one
 * would write is incomplete. */
MUST_USE enum err_code migrate_still(int64_t applied, int64_t steps, struct err *why);

#endif
