#include "db/db_planned.h"

#include <stdlib.h>

#include "base/text.h"
#include "db/pgexec.h"

#define PLAN(alert)                                                                                          \
    "(SELECT f->>'expected' FROM jsonb_array_elements(" alert ".findings) AS f WHERE f->>'rule' = 'expect'"  \
    " LIMIT 1)"
#define IS_PLANNED(alert) alert ".findings @> '[{\"rule\": \"expect\"}]' AND " alert ".dedup IS NULL"

static const char list_sql[] =
    "SELECT DISTINCT ON (a.id) a.id, a.domain, a.tbs_fp, b.tbs_fp, a.issuance->>'spki_sha256'"
    " FROM alert AS a JOIN alert AS b ON b.domain = a.domain AND b.id < a.id"
    " WHERE a.id > $1 AND a.state IN ('new', 'notified') AND " IS_PLANNED("a") " AND " IS_PLANNED(
        "b") " AND NOT a.findings @> '[{\"rule\": \"" DB_PLANNED_RULE "\"}]'"
             " AND b.issuance->>'spki_sha256' = a.issuance->>'spki_sha256' AND " PLAN("b") " = " PLAN(
                 "a") " ORDER BY a.id, b.id LIMIT $2";

enum err_code db_planned_list(struct pgconn *conn, int64_t *after, struct db_planned **list, size_t *count,
                              struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *list = NULL;
    *count = 0;
    pgexec_int(&args, *after);
    pgexec_int(&args, DB_PLANNED_PAGE);
    enum err_code code = pgexec_run(conn, list_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    int rows = PQntuples(res);
    *list = calloc((size_t)rows + 1, sizeof **list);
    must(*list != NULL);
    for (int row = 0; row < rows; row++) {
        struct db_planned *one = &(*list)[*count];
        struct span fp = pgexec_get_bytes(res, row, 2);
        struct span first = pgexec_get_bytes(res, row, 3);
        const char *key = pgexec_get_text(res, row, 4);
        if (fp.len != 32 || first.len != 32 || strlen(key) != 64 ||
            !text_unhex(span_str(key), one->spki_sha256, 32))
            continue;
        one->domain_id = pgexec_get_int(res, row, 1);
        memcpy(one->tbs_fp, fp.at, 32);
        memcpy(one->first_fp, first.at, 32);
        ++*count;
    }
    *after = rows < DB_PLANNED_PAGE ? 0 : pgexec_get_int(res, rows - 1, 0);
    PQclear(res);
    return ERR_OK;
}
