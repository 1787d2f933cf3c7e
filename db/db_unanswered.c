#include "db/db_unanswered.h"

#include "db/pgexec.h"

static const char open_sql[] =
    "SELECT a.id, a.tbs_fp, a.kind FROM domain AS d JOIN alert AS a ON a.domain = d.id"
    " WHERE (d.name = $1 OR d.name LIKE '%.' || $1::text OR $1::text LIKE '%.' || d.name"
    "  OR CASE WHEN d.kind = 'ip' THEN d.name::inet && $3::inet ELSE false END)"
    " AND EXISTS (SELECT FROM domain_allow AS w WHERE w.domain = d.id)"
    " AND a.state IN ('new', 'notified') AND a.severity IN ('high', 'critical') AND octet_length(a.tbs_fp) = "
    "32"
    " AND (a.dedup IS NULL OR a.dedup NOT LIKE 'expiry:%') ORDER BY a.id DESC LIMIT $2";

enum err_code db_unanswered_each(struct pgconn *conn, const char *name, bool ip, bool *cut,
                                 void (*each)(void *arg, const struct db_unanswered *one), void *arg,
                                 struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_text(&args, name);
    pgexec_int(&args, DB_UNANSWERED_MAX + 1);
    if (ip)
        pgexec_text(&args, name);
    else
        pgexec_null(&args);
    enum err_code code = pgexec_run(conn, open_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *cut = PQntuples(res) > DB_UNANSWERED_MAX;
    for (int row = 0; row < PQntuples(res) && row < DB_UNANSWERED_MAX; row++) {
        struct db_unanswered one = {.id = pgexec_get_int(res, row, 0), .kind = pgexec_get_text(res, row, 2)};
        memcpy(one.tbs_fp, pgexec_get_bytes(res, row, 1).at, sizeof one.tbs_fp);
        each(arg, &one);
    }
    PQclear(res);
    return ERR_OK;
}
