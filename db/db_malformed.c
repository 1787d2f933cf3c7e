#include "db/db_malformed.h"

#include "db/pgexec.h"

/* Few at a time: one of them can be 2 x 16 MB. */
static const char sql_page[] = "SELECT log, idx, coalesce(timestamp, seen_at), array_to_string(findings, ' "
                               "'), leaf, extra FROM malformed"
                               " WHERE (log, idx) > ($1::int2, $2::int8) ORDER BY log, idx LIMIT 16";

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
            code = each(arg, &row, why);
        }
        PQclear(res);
    }
    return code;
}
