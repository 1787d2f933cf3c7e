#include "db/db_reader.h"

#include <stdio.h>

#include "base/limits.h"
#include "db/pgexec.h"

void db_reader_ready(struct pgconn *conn)
{
    int64_t rows = 0;
    struct err ignored = {0};
    /* Roles are the business of the whole server: that they can not be made stops nobody who has work to do.
     */
    enum err_code code =
        pgexec_number(conn, "SELECT count(*) FROM reader_lacks()", &PGEXEC_NO_ARGS, &rows, &ignored);
    if (code == ERR_OK && rows != 0)
        code = pgexec_number(conn, "SELECT count(*) FROM reader_role()", &PGEXEC_NO_ARGS, &rows, &ignored);
    (void)code;
}

static void hand_over(PGresult *res, db_reader_said *said, void *arg)
{
    for (int row = 0; row < PQntuples(res); row++)
        said(arg, pgexec_get_text(res, row, 0));
    PQclear(res);
}

enum err_code db_reader_lacks(struct pgconn *conn, db_reader_said *said, void *arg, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, "SELECT * FROM reader_lacks()", &PGEXEC_NO_ARGS, &res, why);
    if (code == ERR_OK)
        hand_over(res, said, arg);
    return code;
}

/* What the server says of these functions is about the name, or about the rights of who asks. */
static enum err_code refused(struct pgconn *conn, enum err_code code, struct err *why)
{
    if (code == ERR_OK)
        return code;
    static const char *const usage[] = {"42939", "42602", "42704", "22023", "23514"};
    if (strcmp(conn->sqlstate, "42501") == 0) {
        err_clear(why);
        return err_set(
            why, ERR_CONFIG,
            "db reader: the database's user may not make roles: an administrator of the server grants it "
            "CREATEROLE, or does this as a user who may");
    }
    for (size_t i = 0; code == ERR_DB && i < countof(usage); i++)
        if (strcmp(conn->sqlstate, usage[i]) == 0)
            return why->code = ERR_USAGE;
    return code;
}

enum err_code db_reader_add(struct pgconn *conn, const char *name, int64_t timeout_s, int64_t connections,
                            db_reader_said *said, void *arg, struct err *why)
{
    if (conn->spread)
        return err_set(
            why, ERR_CONFIG,
            "this database is spread over a Citus cluster, where the statements of a reader would run on "
            "the workers by rights that he has not: there are no readers in it");
    PGresult *res = NULL;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, name);
    pgexec_int(&args, timeout_s);
    pgexec_int(&args, connections);
    enum err_code code =
        pgexec_run(conn, "SELECT * FROM reader_add($1, $2::int4, $3::int4)", &args, &res, why);
    if (code == ERR_OK)
        hand_over(res, said, arg);
    return refused(conn, code, why);
}

enum err_code db_reader_remove(struct pgconn *conn, const char *name, struct err *why)
{
    PGresult *res = NULL;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, name);
    enum err_code code = pgexec_run(conn, "SELECT reader_remove($1)", &args, &res, why);
    if (code == ERR_OK && !pgexec_get_bool(res, 0, 0))
        code = err_set(why, ERR_NOT_FOUND,
                       "reader %s: there is none; 'ctvigil db reader list' shows those that are", name);
    PQclear(res);
    return code == ERR_NOT_FOUND ? code : refused(conn, code, why);
}

enum err_code db_reader_list(struct pgconn *conn, db_reader_each *each, void *arg, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(
        conn,
        "SELECT r.name, r.timeout_s, r.connections, (SELECT count(*) FROM pg_stat_activity AS a"
        "  WHERE a.usename = r.name AND a.datname = current_database()),"
        " NOT EXISTS (SELECT FROM pg_roles AS g WHERE g.rolname = r.name) FROM reader AS r ORDER BY r.name",
        &PGEXEC_NO_ARGS, &res, why);
    for (int row = 0; code == ERR_OK && row < PQntuples(res); row++) {
        struct db_reader reader = {pgexec_get_text(res, row, 0), pgexec_get_int(res, row, 1),
                                   pgexec_get_int(res, row, 2), pgexec_get_int(res, row, 3),
                                   pgexec_get_bool(res, row, 4)};
        each(arg, &reader);
    }
    PQclear(res);
    return code;
}

enum err_code db_reader_watch(struct pgconn *conn, db_reader_said *said, void *arg, uint64_t *ended,
                              struct err *why)
{
    PGresult *res = NULL;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    *ended = 0;
    pgexec_int(&args, LIMIT_READER_S);
    enum err_code code =
        pgexec_run(conn,
                   "SELECT format('reader=%s process=%s seconds=%s %s', name, process, seconds, what)"
                   " FROM reader_watch($1::int4)",
                   &args, &res, why);
    if (code == ERR_OK) {
        *ended = (uint64_t)PQntuples(res);
        hand_over(res, said, arg);
    }
    return code;
}
