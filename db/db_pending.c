#include "db/db_pending.h"

#include "db/pgexec.h"

#define LOCK_CLASS "1668707433" /* "cvhi": an advisory lock of our own kind */

enum err_code db_pending_next(struct pgconn *conn, int64_t after, int64_t *id, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, after);
    return pgexec_number(conn,
                         "SELECT id FROM domain WHERE history_at IS NULL AND id > $1 ORDER BY id LIMIT 1",
                         &args, id, why);
}

enum err_code db_pending_is(struct pgconn *conn, int64_t id, bool *pending, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t count = 0;
    pgexec_int(&args, id);
    enum err_code code = pgexec_number(
        conn, "SELECT count(*) FROM domain WHERE id = $1 AND history_at IS NULL", &args, &count, why);
    *pending = count != 0;
    return code;
}

enum err_code db_pending_lock(struct pgconn *conn, const char *name, bool wait, bool *taken, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t got = 0;
    pgexec_text(&args, name);
    enum err_code code =
        wait ? pgexec_do(conn, "SELECT pg_advisory_lock(" LOCK_CLASS ", hashtext($1))", &args, NULL, why)
             : pgexec_number(conn, "SELECT pg_try_advisory_lock(" LOCK_CLASS ", hashtext($1))::int", &args,
                             &got, why);
    *taken = code == ERR_OK && (wait || got != 0);
    return code;
}

enum err_code db_pending_unlock(struct pgconn *conn, const char *name, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, name);
    return pgexec_do(conn, "SELECT pg_advisory_unlock(" LOCK_CLASS ", hashtext($1))", &args, NULL, why);
}
