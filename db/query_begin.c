#include "db/query_begin.h"

#include <stdio.h>

#include "db/pgexec.h"
#include "db/spread.h"

#define TIME_BEYOND_MS INT64_C(253402300800000)
#define TIME_BEFORE_MS INT64_C(-62135596800001)
#define PLAN_AFTER     3 /* pages of a kind */

enum err_code query_begin(struct pgconn *conn, const char *statement, int64_t left_ms,
                          struct query_bounds *bounds, struct err *why)
{
    static const char sql[] =
        "SELECT set_config('statement_timeout', $1, true), set_config('plan_cache_mode', $2, true), s.lower,"
        " s.upper FROM cert_span AS s";
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    char wait_ms[24];
    /* A cluster has to see the key to know the shard. */
    bool early = conn->spread || pgexec_uses(conn, statement) < PLAN_AFTER;
    (void)snprintf(wait_ms, sizeof wait_ms, "%" PRId64, left_ms > 1 ? left_ms : 1);
    pgexec_text(&args, wait_ms);
    pgexec_text(&args, early ? "force_custom_plan" : "force_generic_plan");
    bounds->span_begin_ms = TIME_BEFORE_MS;
    bounds->span_end_ms = TIME_BEYOND_MS;
    enum err_code code = spread_whole(conn, why);
    if (code == ERR_OK)
        code = pgexec_begin_as(conn, "BEGIN READ ONLY;" PGEXEC_IDLE_LONG, why);
    if (code == ERR_OK)
        code = pgexec_cached(conn, sql, &args, &res, why);
    if (code == ERR_OK && PQntuples(res) == 1) {
        bounds->span_begin_ms = pgexec_get_time(res, 0, 2);
        bounds->span_end_ms = pgexec_get_time(res, 0, 3);
    }
    PQclear(res);
    return code;
}
