#include "db/db_alert_ack.h"

#include "db/pgexec.h"

/* In the order of ids, as by everybody who changes several. */
static const char ack_sql[] =
    "WITH chosen AS MATERIALIZED (SELECT a.id FROM alert AS a WHERE a.state IN ('new', 'notified')"
    "  AND ($2::text IS NULL OR a.domain_name = $2) AND ($3::text IS NULL OR a.kind = $3)"
    "  AND ($4::text IS NULL OR array_position(ARRAY['info', 'low', 'high', 'critical'], a.severity)"
    "       <= array_position(ARRAY['info', 'low', 'high', 'critical'], $4))"
    "  AND a.created_at < $5 AND a.id > $6 ORDER BY a.id LIMIT 1000"
    "  FOR NO KEY UPDATE),"
    " acked AS (UPDATE alert AS a SET state = 'acked', reason = $1 FROM chosen WHERE a.id = chosen.id "
    "RETURNING "
    "a.id),"
    " gone AS (UPDATE outbox AS o SET state = 'withdrawn' FROM acked WHERE o.alert = acked.id"
    "  AND o.state = 'pending')"
    " SELECT count(*), max(id) FROM acked";

enum err_code db_alert_ack_all(struct pgconn *conn, const struct db_alert_ack_filter *filter,
                               const char *reason, uint64_t *count, struct err *why)
{
    int64_t after = 0;
    int64_t until_ms = filter->until_ms;
    *count = 0;
    /* What is raised while this goes on nobody has seen. */
    if (until_ms == 0) {
        PGresult *now = NULL;
        enum err_code asked = pgexec_run(conn, "SELECT now()", &PGEXEC_NO_ARGS, &now, why);
        if (asked != ERR_OK)
            return asked;
        until_ms = pgexec_get_time(now, 0, 0) + 1;
        PQclear(now);
    }
    for (int64_t some = 1; some != 0;) {
        struct pgexec_args args = {0};
        PGresult *res = NULL;
        pgexec_text(&args, reason);
        pgexec_text(&args, filter->domain);
        pgexec_text(&args, filter->kind);
        pgexec_text(&args, filter->severity);
        pgexec_time(&args, until_ms);
        pgexec_int(&args, after);
        enum err_code code = pgexec_run(conn, ack_sql, &args, &res, why);
        if (code != ERR_OK)
            return code;
        some = pgexec_get_int(res, 0, 0);
        after = pgexec_get_int(res, 0, 1);
        *count += (uint64_t)some;
        PQclear(res);
    }
    return ERR_OK;
}
