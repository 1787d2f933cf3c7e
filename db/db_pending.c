#include "db/db_pending.h"

#include "db/pgexec.h"

#define LOCK_CLASS "1668707433" /* "cvhi": an advisory lock of our own kind */

enum err_code db_pending_list(struct pgconn *conn, int64_t after, int64_t ids[DB_PENDING_MOST], size_t *count,
                              struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *count = 0;
    pgexec_int(&args, after);
    pgexec_int(&args, DB_PENDING_MOST);
    enum err_code code =
        pgexec_run(conn, "SELECT id FROM domain WHERE history_at IS NULL AND id > $1 ORDER BY id LIMIT $2",
                   &args, &res, why);
    if (code != ERR_OK)
        return code;
    while (*count < (size_t)PQntuples(res)) {
        ids[*count] = pgexec_get_int(res, (int)*count, 0);
        ++*count;
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_pending_place(struct pgconn *conn, int64_t id, struct db_domain_history_place *place,
                               struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *place = (struct db_domain_history_place){.part = 0};
    pgexec_int(&args, id);
    enum err_code code = pgexec_run(conn,
                                    "SELECT p.part, p.not_before, p.tbs_fp, p.issuer, s.state"
                                    " FROM (SELECT domain_scan_state($1) AS state) AS s"
                                    " LEFT JOIN domain_place AS p ON p.domain = $1 AND p.state = s.state",
                                    &args, &res, why);
    if (code != ERR_OK)
        return code;
    struct span state = PQntuples(res) == 1 ? pgexec_get_bytes(res, 0, 4) : SPAN_NONE;
    struct span fp = state.len == sizeof place->state ? pgexec_get_bytes(res, 0, 2) : SPAN_NONE;
    if (state.len == sizeof place->state)
        memcpy(place->state, state.at, state.len);
    if (fp.len == sizeof place->tbs_fp) {
        place->begun = true;
        place->part = (uint32_t)pgexec_get_int(res, 0, 0);
        place->not_before_ms = pgexec_get_time(res, 0, 1);
        memcpy(place->tbs_fp, fp.at, fp.len);
        place->issuer = (int32_t)pgexec_get_int(res, 0, 3);
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_pending_keep(struct pgconn *conn, const struct watch *watch,
                              const struct db_domain_history_place *place, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, watch->id);
    pgexec_int(&args, place->part);
    pgexec_time(&args, place->not_before_ms);
    pgexec_bytes(&args, span_of(place->tbs_fp, sizeof place->tbs_fp));
    pgexec_int(&args, place->issuer);
    pgexec_bytes(&args, span_of(place->state, sizeof place->state));
    pgexec_int(&args, watch->rules);
    return pgexec_do(conn,
                     "INSERT INTO domain_place (domain, state, part, not_before, tbs_fp, issuer)"
                     " SELECT d.id, $6::bytea, $2::int4, $3, $4::bytea, $5::int4 FROM domain AS d"
                     " WHERE d.id = $1 AND d.rules_version = $7 AND domain_scan_state(d.id) = $6"
                     " FOR SHARE ON CONFLICT (domain) DO UPDATE SET state = EXCLUDED.state,"
                     " part = EXCLUDED.part, not_before = EXCLUDED.not_before, tbs_fp = EXCLUDED.tbs_fp,"
                     " issuer = EXCLUDED.issuer, changed_at = now()",
                     &args, NULL, why);
}

enum err_code db_pending_is(struct pgconn *conn, const struct watch *watch, enum db_pending_state *state,
                            struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t number = DB_PENDING_NOT;
    pgexec_int(&args, watch->id);
    pgexec_int(&args, watch->rules);
    enum err_code code =
        pgexec_number(conn,
                      "SELECT coalesce((SELECT CASE WHEN rules_version = $2 THEN 1 ELSE 2 END FROM domain"
                      " WHERE id = $1 AND history_at IS NULL), 0)",
                      &args, &number, why);
    *state = (enum db_pending_state)number;
    return code;
}

enum err_code db_pending_lock(struct pgconn *conn, const char *name, bool wait, bool *taken, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t got = 0;
    pgexec_text(&args, name);
    enum err_code code =
        wait ? pgexec_do(conn, "SELECT pg_advisory_lock(" LOCK_CLASS ", hashtext($1))", &args, NULL, why)
             : pgexec_number(conn, "SELECT pg_try_advisory_lock(" LOCK_CLASS ", hashtext($1))::int", &args,
                             &got, why);
    *taken = code == ERR_OK && (wait || got != 0);
    return code;
}

enum err_code db_pending_unlock(struct pgconn *conn, const char *name, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, name);
    return pgexec_do(conn, "SELECT pg_advisory_unlock(" LOCK_CLASS ", hashtext($1))", &args, NULL, why);
}
