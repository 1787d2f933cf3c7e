#include "db/db_malformed.h"

#include "db/pgexec.h"

/* Few at a time: one of them can be 2 x 16 MB. The tile knows the beginning of the fingerprint, the
 * certificate's row all of it. */
static const char sql_page[] =
    "SELECT m.log, m.idx, coalesce(m.timestamp, m.seen_at), array_to_string(m.findings, ' '), m.leaf, "
    "m.extra,"
    " (SELECT c.tbs_fp FROM log_tile AS t, cert AS c WHERE t.log = m.log AND t.tile = m.idx / 256"
    "   AND m.idx BETWEEN t.first_index AND t.last_index"
    "   AND c.tbs_fp >= int8send(t.fp8[(m.idx - t.first_index + 1)::int])"
    "   AND c.tbs_fp < int8send(t.fp8[(m.idx - t.first_index + 1)::int])"
    "    || decode(repeat('ff', 24), 'hex') LIMIT 1)"
    " FROM malformed AS m WHERE (m.log, m.idx) > ($1::int2, $2::int8) ORDER BY m.log, m.idx LIMIT 16";

enum err_code db_malformed_each(struct pgconn *conn,
                                enum err_code (*each)(void *arg, const struct db_malformed_row *row,
                                                      struct err *why),
                                void *arg, struct err *why)
{
    int64_t log_id = -1;
    int64_t index = -1;
    int rows = 1;
    enum err_code code = ERR_OK;
    while (rows != 0 && code == ERR_OK) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        PGresult *res = NULL;
        pgexec_int(&args, log_id);
        pgexec_int(&args, index);
        code = pgexec_run(conn, sql_page, &args, &res, why);
        if (code != ERR_OK)
            return code;
        rows = PQntuples(res);
        for (int i = 0; i < rows && code == ERR_OK; i++) {
            struct db_malformed_row row = {0};
            log_id = pgexec_get_int(res, i, 0);
            index = pgexec_get_int(res, i, 1);
            row.log_id = (int32_t)log_id;
            row.index = (uint64_t)index;
            row.timestamp_ms = pgexec_get_time(res, i, 2);
            row.findings = pgexec_get_text(res, i, 3);
            row.leaf = pgexec_get_bytes(res, i, 4);
            row.extra = pgexec_get_bytes(res, i, 5);
            struct span fp = pgexec_get_bytes(res, i, 6);
            row.parsed = fp.len == sizeof row.tbs_fp;
            if (row.parsed)
                memcpy(row.tbs_fp, fp.at, sizeof row.tbs_fp);
            code = each(arg, &row, why);
        }
        PQclear(res);
    }
    return code;
}
