#include "db/db_late.h"

#include "db/pgexec.h"

/* The row lock has whoever adds to the alert meanwhile wait, and its last version is judged. Nobody is told:
 * what is still to be delivered is not true any more. */
static const char close_sql[] =
    "WITH shut AS (UPDATE alert AS a SET state = 'closed', reason = $2, history = CASE WHEN a.state = 'new'"
    "  THEN a.history ELSE alert_history(a) END WHERE a.id = $1 AND alert_unproven(a) RETURNING a.id),"
    " gone AS (UPDATE outbox AS o SET state = 'withdrawn' FROM shut"
    "  WHERE o.alert = shut.id AND o.state = 'pending')"
    " SELECT count(*) FROM shut";

/* Between looking for proof and closing no place may come that the proof does not cover: whoever adds one has
 * locked the alert first. */
static enum err_code close_one(struct pgconn *conn, int64_t id, uint64_t *closed, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    int64_t count = 0;
    pgexec_int(&args, id);
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, "SELECT FROM alert WHERE id = $1 FOR NO KEY UPDATE", &args, NULL, why);
    if (code == ERR_OK)
        code = pgexec_run(conn, "SELECT alert_proof($1)", &args, &res, why);
    if (code == ERR_OK && !pgexec_is_null(res, 0, 0)) {
        pgexec_text(&args, pgexec_get_text(res, 0, 0));
        code = pgexec_number(conn, close_sql, &args, &count, why);
    }
    PQclear(res);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    *closed += code == ERR_OK ? (uint64_t)count : 0;
    return code;
}

enum err_code db_late_look(struct pgconn *conn, int64_t *after, uint64_t *closed, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *closed = 0;
    pgexec_int(&args, *after);
    pgexec_int(&args, DB_LATE_PAGE);
    enum err_code code =
        pgexec_run(conn,
                   "SELECT a.id, alert_proof(a.id) IS NOT NULL FROM (SELECT * FROM alert AS x"
                   "  WHERE x.id > $1 AND x.state IN ('new', 'notified')"
                   "  AND x.kind = 'unexpected_ca' AND x.dedup IS NULL AND alert_unproven(x)"
                   "  ORDER BY x.id LIMIT $2) AS a ORDER BY a.id",
                   &args, &res, why);
    if (code != ERR_OK)
        return code;
    int rows = PQntuples(res);
    for (int row = 0; row < rows && code == ERR_OK; row++)
        if (pgexec_get_bool(res, row, 1))
            code = close_one(conn, pgexec_get_int(res, row, 0), closed, why);
    *after = rows < DB_LATE_PAGE ? 0 : pgexec_get_int(res, rows - 1, 0);
    PQclear(res);
    return code;
}
