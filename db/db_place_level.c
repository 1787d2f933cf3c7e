#include "db/db_place_level.h"

#include "base/limits.h"
#include "db/pgexec.h"
#include "db/placeset.h"

_Static_assert(DB_PLACE_LEVELS_MAX == PLACESET_KINDS * PLACESET_LEVELS, "one for each");

enum err_code db_place_level_list(struct pgconn *conn, struct db_place_level levels[DB_PLACE_LEVELS_MAX],
                                  size_t *count, struct err *why)
{
    static const char sql[] =
        "SELECT s.kind, s.level, n.blocks, n.buckets FROM place_level AS s"
        " CROSS JOIN LATERAL (SELECT count(*) AS blocks, count(DISTINCT b.bucket) AS buckets"
        "  FROM (SELECT x.bucket FROM place_block AS x WHERE x.kind = s.kind AND x.level = s.level"
        "   ORDER BY x.kind, x.level, x.bucket LIMIT $1) AS b) AS n"
        " WHERE n.blocks <> 0 ORDER BY s.kind, s.level LIMIT $2";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *count = 0;
    pgexec_int(&args, DB_PLACE_BLOCKS_MAX);
    pgexec_int(&args, DB_PLACE_LEVELS_MAX);
    enum err_code code = pgexec_run(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int i = 0; i < PQntuples(res) && *count < DB_PLACE_LEVELS_MAX; i++) {
        struct db_place_level *level = &levels[(*count)++];
        int64_t buckets = pgexec_get_int(res, i, 3);
        *level = (struct db_place_level){.kind = (int)pgexec_get_int(res, i, 0),
                                         .level = (int)pgexec_get_int(res, i, 1),
                                         .blocks = pgexec_get_int(res, i, 2)};
        level->in_bucket = (level->blocks + buckets - 1) / buckets;
        /* Nobody merges the last one. */
        level->lags =
            level->level < PLACESET_LEVELS - 1 && level->in_bucket > (int64_t)2 * LIMIT_PLACE_FAN_LOAD;
    }
    PQclear(res);
    return ERR_OK;
}
