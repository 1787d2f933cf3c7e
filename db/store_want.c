#include "db/store_want.h"

#include "base/limits.h"
#include "db/store_write.h"

enum err_code store_want_put(struct store *store, int32_t log_id, const uint8_t sha256[32], int64_t absent_ms,
                             struct err *why)
{
    /* One that is there already is renewed, however many there are. */
    static const char sql[] = "INSERT INTO issuer_want (sha256, log, absent_until)"
                              " SELECT $1, $2::int2, CASE WHEN $3 > 0 THEN now() + $3 * interval '1 ms' END"
                              " WHERE (SELECT count(*) FROM issuer_want WHERE log = $2::int2) < $4"
                              "  OR EXISTS (SELECT FROM issuer_want WHERE sha256 = $1 AND log = $2::int2)"
                              " ON CONFLICT (sha256, log) DO UPDATE SET absent_until = excluded.absent_until";
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    enum err_code code = store_write_ready(pg, why);
    if (code != ERR_OK)
        return code;
    pgexec_bytes(&args, span_of(sha256, 32));
    pgexec_int(&args, log_id);
    pgexec_int(&args, absent_ms);
    pgexec_int(&args, LIMIT_ISSUER_WANTS);
    return pgexec_do(pg->conn, sql, &args, NULL, why);
}

/* Those that came meanwhile, by whichever log, and those that never will. */
static enum err_code sweep(struct pgstore *pg, int32_t log_id, struct err *why)
{
    static const char sql[] =
        "DELETE FROM issuer_want AS w WHERE w.log = $1::int2 AND (w.since < now() - $2 * interval '1 day'"
        " OR EXISTS (SELECT FROM issuer_cert AS c WHERE c.sha256 = w.sha256))";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, log_id);
    pgexec_int(&args, LIMIT_ISSUER_WANT_DAYS);
    return pgexec_do(pg->conn, sql, &args, NULL, why);
}

enum err_code store_want_list(struct store *store, int32_t log_id, struct store_want *out, size_t max,
                              size_t *count, struct err *why)
{
    static const char sql[] =
        "SELECT sha256, greatest(0, coalesce(extract(epoch FROM absent_until - now()) * 1000, 0))::int8"
        " FROM issuer_want WHERE log = $1::int2 ORDER BY absent_until NULLS FIRST, sha256 LIMIT $2";
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *count = 0;
    enum err_code code = store_write_ready(pg, why);
    if (code == ERR_OK)
        code = sweep(pg, log_id, why);
    if (code != ERR_OK)
        return code;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)max);
    code = pgexec_run(pg->conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res); row++) {
        struct span sha256 = pgexec_get_bytes(res, row, 0);
        must(sha256.len == 32);
        memcpy(out[*count].sha256, sha256.at, 32);
        out[(*count)++].absent_ms = pgexec_get_int(res, row, 1);
    }
    PQclear(res);
    return ERR_OK;
}
