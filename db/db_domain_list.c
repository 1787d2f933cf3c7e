#include "db/db_domain_list.h"

#include "db/pgexec.h"

static const char sql_list[] =
    "SELECT d.id, d.name, d.kind, d.exact, d.wildcard_allowed, d.owner, to_jsonb(d.channels)::text,"
    " coalesce((SELECT jsonb_agg(jsonb_build_object('spki_sha256', encode(a.spki_sha256, 'hex'), 'label', "
    "a.label)"
    "   ORDER BY a.label, a.spki_sha256) FROM domain_allow AS a WHERE a.domain = d.id), '[]')::text,"
    " d.added_at, d.history_at,"
    " (SELECT count(*) FROM alert AS a WHERE a.domain = d.id AND a.state IN ('new', 'notified')),"
    " (SELECT t.entries::int8 FROM domain_thin AS t WHERE t.domain = d.id),"
    " (SELECT t.thin_until FROM domain_thin AS t WHERE t.domain = d.id),"
    " coalesce(d.policy->>'lookalike', 'off'), coalesce(d.policy->'lookalike_allow', '[]')::text,"
    " coalesce(d.policy->'tags', '[]')::text"
    " FROM domain AS d ORDER BY d.name";

enum err_code db_domain_list(struct pgconn *conn,
                             enum err_code (*each)(void *arg, const struct db_domain_row *row,
                                                   struct err *why),
                             void *arg, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, sql_list, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int i = 0; i < PQntuples(res) && code == ERR_OK; i++) {
        struct db_domain_row row = {
            .id = pgexec_get_int(res, i, 0),
            .name = pgexec_get_text(res, i, 1),
            .kind = pgexec_get_text(res, i, 2),
            .exact = pgexec_get_bool(res, i, 3),
            .wildcard_allowed = pgexec_get_bool(res, i, 4),
            .owner = pgexec_is_null(res, i, 5) ? NULL : pgexec_get_text(res, i, 5),
            .channels = pgexec_get_text(res, i, 6),
            .allow = pgexec_get_text(res, i, 7),
            .added_ms = pgexec_get_time(res, i, 8),
            .history_ms = pgexec_is_null(res, i, 9) ? 0 : pgexec_get_time(res, i, 9),
            .alerts_open = (uint64_t)pgexec_get_int(res, i, 10),
            .thin = (uint64_t)pgexec_get_int(res, i, 11),
            .thin_until_ms = pgexec_is_null(res, i, 12) ? 0 : pgexec_get_time(res, i, 12),
            .lookalike = pgexec_get_text(res, i, 13),
            .lookalike_allow = pgexec_get_text(res, i, 14),
            .tags = pgexec_get_text(res, i, 15),
        };
        code = each(arg, &row, why);
    }
    PQclear(res);
    return code;
}

enum err_code db_domain_list_thin(struct pgconn *conn, int64_t id, uint64_t *entries, int64_t *until_ms,
                                  struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *entries = 0;
    *until_ms = 0;
    pgexec_int(&args, id);
    enum err_code code =
        pgexec_run(conn,
                   "SELECT max(entries)::int8, max(thin_until) FROM domain_thin WHERE domain = $1 OR $1 = 0"
                   " HAVING count(*) <> 0",
                   &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) != 0) {
        *entries = (uint64_t)pgexec_get_int(res, 0, 0);
        *until_ms = pgexec_is_null(res, 0, 1) ? 0 : pgexec_get_time(res, 0, 1);
    }
    PQclear(res);
    return ERR_OK;
}
