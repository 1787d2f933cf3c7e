#include "db/db_malformed.h"

#include "db/pgexec.h"

/* Few at a time: one of them can be 2 x 16 MB. The tile says what the entry was taken for when it came. */
static const char sql_page[] =
    "SELECT m.log, m.idx, coalesce(m.timestamp, m.seen_at), array_to_string(m.findings, ' '), m.leaf, "
    "m.extra, l.protocol = 'static-ct',"
    " coalesce((SELECT get_byte(t.info, 9 * (m.idx - t.first_index)::int + 6) = 2 FROM log_tile AS t"
    "   WHERE t.log = m.log AND t.tile = m.idx / 256 AND m.idx BETWEEN t.first_index AND t.last_index), "
    "false)"
    " FROM malformed AS m JOIN log AS l ON l.id = m.log"
    " WHERE (m.log, m.idx) > ($1::int2, $2::int8) ORDER BY m.log, m.idx LIMIT 16";

static const char sql_issuer[] = "SELECT der FROM issuer_cert WHERE sha256 = $1::bytea";

/* Names that this version no longer knows are left out. */
static struct finding_set findings_of(const char *names)
{
    struct finding_set set = {0};
    while (*names != '\0') {
        size_t len = strcspn(names, " ");
        for (int i = 0; i < FINDING_COUNT; i++) {
            const char *name = finding_name((enum finding)i);
            if (strlen(name) == len && memcmp(name, names, len) == 0)
                finding_add(&set, (enum finding)i);
        }
        names += len + (names[len] == ' ');
    }
    return set;
}

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
            row.findings = findings_of(pgexec_get_text(res, i, 3));
            row.leaf = pgexec_get_bytes(res, i, 4);
            row.extra = pgexec_get_bytes(res, i, 5);
            row.tile = pgexec_get_bool(res, i, 6);
            row.unparsed = pgexec_get_bool(res, i, 7);
            code = each(arg, &row, why);
        }
        PQclear(res);
    }
    return code;
}

enum err_code db_malformed_issuer(struct pgconn *conn, const uint8_t sha256[32],
                                  struct db_malformed_issuer *issuer, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    issuer->len = 0;
    pgexec_bytes(&args, span_of(sha256, 32));
    enum err_code code = pgexec_run(conn, sql_issuer, &args, &res, why);
    if (code != ERR_OK)
        return code;
    struct span der = PQntuples(res) == 0 ? SPAN_NONE : pgexec_get_bytes(res, 0, 0);
    if (der.len != 0 && der.len <= sizeof issuer->der) {
        memcpy(issuer->der, der.at, der.len);
        issuer->len = der.len;
    }
    PQclear(res);
    return ERR_OK;
}
