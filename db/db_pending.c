#include "db/db_pending.h"

#include <stdlib.h>

#include "db/pgexec.h"

#define LOCK_CLASS "1668707433" /* "cvhi": an advisory lock of our own kind */

/* Whoever is at a domain holds its lock (db_pending_lock). */
static const char list_sql[] =
    "SELECT d.id FROM domain AS d WHERE d.history_at IS NULL AND d.id > $1"
    " AND (hashtext(d.name)::int8 & 4294967295) <> ALL (ARRAY("
    "  SELECT l.objid::int8 FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.granted"
    "  AND l.pid <> pg_backend_pid() AND l.classid = " LOCK_CLASS "::oid AND l.objsubid = 2"
    "  AND l.database = (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database())))"
    " ORDER BY d.id LIMIT $2";

enum err_code db_pending_list(struct pgconn *conn, int64_t after, int64_t *ids, size_t *count,
                              struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *count = 0;
    pgexec_int(&args, after);
    pgexec_int(&args, DB_PENDING_MOST);
    enum err_code code = pgexec_run(conn, list_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    while (*count < (size_t)PQntuples(res)) {
        ids[*count] = pgexec_get_int(res, (int)*count, 0);
        ++*count;
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_pending_any(struct pgconn *conn, bool *any, struct err *why)
{
    int64_t number = 0;
    enum err_code code = pgexec_number(
        conn, "SELECT count(*) FROM (SELECT FROM domain WHERE history_at IS NULL LIMIT 1) AS one",
        &PGEXEC_NO_ARGS, &number, why);
    *any = number != 0;
    return code;
}

enum err_code db_pending_progress(struct pgconn *conn, struct db_pending_progress *progress, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *progress = (struct db_pending_progress){.left = 0};
    enum err_code code =
        pgexec_run(conn,
                   "SELECT count(*), count(*) FILTER (WHERE history_at IS NULL),"
                   " count(*) FILTER (WHERE history_at > now() - interval '1 minute') FROM domain",
                   &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1) {
        progress->all = (uint64_t)pgexec_get_int(res, 0, 0);
        progress->left = (uint64_t)pgexec_get_int(res, 0, 1);
        progress->minute = (uint64_t)pgexec_get_int(res, 0, 2);
    }
    PQclear(res);
    return ERR_OK;
}

/* Rows that somebody is about to change are passed over: who holds one may wait for another of these. */
static const char done_sql[] =
    "WITH u AS (SELECT u.id, u.rules FROM unnest($1::int8[], $2::int8[]) AS u (id, rules)),"
    " mine AS (SELECT d.id FROM domain AS d JOIN u ON u.id = d.id AND u.rules = d.rules_version"
    "  FOR NO KEY UPDATE OF d SKIP LOCKED),"
    " gone AS (DELETE FROM domain_place AS p USING mine WHERE p.domain = mine.id)"
    " UPDATE domain AS d SET history_at = now() FROM mine WHERE d.id = mine.id RETURNING d.id";

enum err_code db_pending_done(struct pgconn *conn, const struct watch *const *watches, size_t count,
                              int64_t *done, size_t *done_count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf ids;
    struct buf rules;
    PGresult *res = NULL;
    int64_t *values = calloc(2 * count + 1, sizeof *values);
    *done_count = 0;
    if (values == NULL)
        return err_set(why, ERR_MEMORY, "domains: no memory");
    for (size_t i = 0; i < count; i++) {
        values[i] = watches[i]->id;
        values[count + i] = watches[i]->rules;
    }
    pgexec_int_array(&args, values, count, &ids);
    pgexec_int_array(&args, values + count, count, &rules);
    enum err_code code = buf_ok(&ids) && buf_ok(&rules) ? pgexec_run(conn, done_sql, &args, &res, why)
                                                        : err_set(why, ERR_MEMORY, "domains: no memory");
    for (int i = 0; code == ERR_OK && i < PQntuples(res); i++)
        done[(*done_count)++] = pgexec_get_int(res, i, 0);
    PQclear(res);
    buf_fini(&ids);
    buf_fini(&rules);
    free(values);
    return code;
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
