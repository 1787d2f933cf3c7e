#include "db/db_horizon.h"

#include <stdio.h>

#include "db/dbkey.h"
#include "db/facts.h"
#include "db/pgexec.h"
#include "db/spread.h"

#define DAY_MS INT64_C(86400000)

enum err_code db_horizon_get(struct pgconn *conn, int64_t *horizon_ms, struct err *why)
{
    PGresult *res;
    *horizon_ms = INT64_MIN;
    enum err_code code = pgexec_run(conn, "SELECT horizon FROM cert_removal WHERE horizon > '-infinity'",
                                    &PGEXEC_NO_ARGS, &res, why);
    if (code == ERR_OK && PQntuples(res) == 1)
        *horizon_ms = pgexec_get_time(res, 0, 0);
    PQclear(res);
    return code;
}

/* Two indexes, so two parts. Of a day before 1970 the tile says 0. */
#define PLACES(by)                                                                                           \
    "(SELECT f.log_id AS log, f.index AS idx, get_byte(f.info, 7) * 256 + get_byte(f.info, 8) AS day FROM"   \
    " " by "(ARRAY[$1::int8]) AS f WHERE get_byte(f.info, 6) " FACTS_SQL_READABLE ")"

enum err_code db_horizon_find(struct pgconn *conn, const uint8_t hash[32], struct db_horizon_place *place,
                              bool *found, struct err *why)
{
    static const char sql[] = "SELECT l.name, p.idx, p.day FROM (" PLACES("ct.by_sha8") " UNION ALL " PLACES(
        "ct.by_fp8") ") AS p JOIN log AS l ON l.id = p.log"
                     " WHERE 'epoch'::timestamptz + (p.day + 1) * interval '24 h' <= (SELECT horizon FROM "
                     "cert_removal)"
                     " ORDER BY p.log, p.idx LIMIT 1";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    *found = false;
    pgexec_int(&args, dbkey_first8(hash));
    enum err_code code = spread_whole(conn, why);
    if (code != ERR_OK)
        return code;
    code = pgexec_run(conn, sql, &args, &res, why);
    if (code == ERR_OK && PQntuples(res) == 1) {
        (void)snprintf(place->log, sizeof place->log, "%s", pgexec_get_text(res, 0, 0));
        place->index = (uint64_t)pgexec_get_int(res, 0, 1);
        place->expired_ms = pgexec_get_int(res, 0, 2) * DAY_MS;
        *found = true;
    }
    PQclear(res);
    return code;
}
