#include "db/db_evidence.h"

#include <stdio.h>

#include "base/limits.h"
#include "db/pgexec.h"

enum err_code db_evidence_list(struct pgconn *conn, db_evidence_each *each, void *arg, struct err *why)
{
    static const char sql[] =
        "SELECT e.id, l.name, e.kind, e.range_begin, e.range_end, e.sentence, e.path, e.created_at,"
        "  EXISTS (SELECT FROM evidence_open AS o WHERE o.id = e.id)"
        " FROM evidence AS e JOIN log AS l ON l.id = e.log ORDER BY e.id DESC LIMIT 10000";
    PGresult *res;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res); row++) {
        struct db_evidence_row evidence = {
            .id = pgexec_get_int(res, row, 0),
            .log = pgexec_get_text(res, row, 1),
            .kind = pgexec_get_text(res, row, 2),
            .begin = (uint64_t)pgexec_get_int(res, row, 3),
            .end = (uint64_t)pgexec_get_int(res, row, 4),
            .sentence = pgexec_get_text(res, row, 5),
            .path = pgexec_get_text(res, row, 6),
            .created_ms = pgexec_get_time(res, row, 7),
            .open = pgexec_get_bool(res, row, 8),
        };
        each(arg, &evidence);
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_evidence_load(struct pgconn *conn, int64_t id, struct buf *out, struct err *why)
{
    /* One that jsonb would not take is kept as a string. */
    static const char sql[] = "SELECT CASE jsonb_typeof(account) WHEN 'string' THEN account #>> '{}'"
                              " ELSE account::text END FROM evidence WHERE id = $1";
    struct pgexec_args args = {0};
    PGresult *res;
    pgexec_int(&args, id);
    enum err_code code = pgexec_run(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 0)
        code = err_set(why, ERR_NOT_FOUND, "evidence %" PRId64 ": there is none of that number", id);
    else
        buf_str(out, pgexec_get_text(res, 0, 0));
    if (!buf_ok(out))
        code = err_set(why, ERR_TOO_BIG, "evidence %" PRId64 ": it does not fit", id);
    PQclear(res);
    return code;
}

enum err_code db_evidence_known(struct pgconn *conn, const uint8_t log_id[32], struct span key, char *name,
                                size_t cap, struct err *why)
{
    static const char sql[] =
        "SELECT name FROM log WHERE log_id = $1 AND key = $2 ORDER BY state = 'removed', id LIMIT 1";
    struct pgexec_args args = {0};
    PGresult *res;
    pgexec_bytes(&args, span_of(log_id, 32));
    pgexec_bytes(&args, key);
    enum err_code code = pgexec_run(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    (void)snprintf(name, cap, "%s", PQntuples(res) == 0 ? "" : pgexec_get_text(res, 0, 0));
    PQclear(res);
    return ERR_OK;
}
