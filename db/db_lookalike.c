#include "db/db_lookalike.h"

#include "base/limits.h"
#include "db/pgexec.h"

enum err_code db_lookalike_room(struct pgconn *conn, const struct watch *watch, struct err *why)
{
    int64_t count = 0;
    if (watch->lookalike == WATCH_LOOKALIKE_OFF)
        return ERR_OK;
    enum err_code code = pgexec_number(conn, "SELECT count(*) FROM domain WHERE policy ? 'lookalike'",
                                       &PGEXEC_NO_ARGS, &count, why);
    if (code == ERR_OK && count > LIMIT_LOOKALIKE_BRANDS)
        code = err_set(why, ERR_TOO_BIG, "look-alikes can be looked for of %d domains at most",
                       LIMIT_LOOKALIKE_BRANDS);
    return code;
}

/* Raises the generation first: no ingest transaction is between its matching and its commit then. */
static enum err_code begin(struct pgconn *conn, const char *domain, int64_t *id, struct err *why)
{
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    pgexec_text(&args, domain);
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, "UPDATE domain_generation SET generation = generation + 1", &PGEXEC_NO_ARGS,
                         NULL, why);
    if (code == ERR_OK)
        code = pgexec_run(conn, "SELECT id FROM domain WHERE name = $1", &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1)
        *id = pgexec_get_int(res, 0, 0);
    else
        code = err_set(why, ERR_NOT_FOUND,
                       "domain %s: it is not registered; `ctvigil domain list` shows what is", domain);
    PQclear(res);
    return code;
}

static enum err_code end(struct pgconn *conn, enum err_code code, struct err *why)
{
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

/* $1: the domain, $2: a text. */
static enum err_code change(struct pgconn *conn, const char *sql, int64_t id, const char *text,
                            uint64_t *changed, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, id);
    pgexec_text(&args, text);
    return pgexec_do(conn, sql, &args, changed, why);
}

enum err_code db_lookalike_set(struct pgconn *conn, const char *domain, enum watch_lookalike level,
                               struct err *why)
{
    const struct watch wanted = {.lookalike = level};
    int64_t id = 0;
    enum err_code code = begin(conn, domain, &id, why);
    if (code == ERR_OK)
        code = change(conn,
                      "UPDATE domain SET policy = CASE WHEN $2 = 'off' THEN policy - 'lookalike'"
                      " ELSE policy || jsonb_build_object('lookalike', $2::text) END WHERE id = $1",
                      id, watch_lookalike_name(level), NULL, why);
    if (code == ERR_OK)
        code = db_lookalike_room(conn, &wanted, why);
    return end(conn, code, why);
}

static const char allow_sql[] =
    "UPDATE domain SET policy = policy || jsonb_build_object('lookalike_allow',"
    " (SELECT jsonb_agg(x.name ORDER BY x.name) FROM (SELECT jsonb_array_elements_text("
    "   coalesce(policy->'lookalike_allow', '[]')) AS name UNION SELECT $2::text) AS x))"
    " WHERE id = $1 AND jsonb_array_length(coalesce(policy->'lookalike_allow', '[]')) < $3";

static const char ack_sql[] =
    "WITH mine AS MATERIALIZED (SELECT a.id FROM alert AS a WHERE a.domain = $1 AND a.kind = 'lookalike'"
    "  AND a.state IN ('new', 'notified') AND (a.name = $2 OR right(a.name, length($2) + 1) = '.' || $2)"
    "  ORDER BY a.id FOR NO KEY UPDATE),"
    " acked AS (UPDATE alert AS a SET state = 'acked', reason = 'allowed: ' || $2 FROM mine"
    "  WHERE a.id = mine.id RETURNING a.id),"
    " gone AS (UPDATE outbox AS o SET state = 'withdrawn' FROM acked"
    "  WHERE o.alert = acked.id AND o.state = 'pending')"
    " SELECT count(*) FROM acked";

enum err_code db_lookalike_allow(struct pgconn *conn, const char *domain, const char *name, uint64_t *acked,
                                 struct err *why)
{
    struct pgexec_args args = {0};
    struct pgexec_args limited = {0};
    int64_t id = 0;
    int64_t count = 0;
    uint64_t changed = 0;
    enum err_code code = begin(conn, domain, &id, why);
    pgexec_int(&limited, id);
    pgexec_text(&limited, name);
    pgexec_int(&limited, LIMIT_POLICY_LIST);
    pgexec_int(&args, id);
    pgexec_text(&args, name);
    if (code == ERR_OK)
        code = pgexec_do(conn, allow_sql, &limited, &changed, why);
    if (code == ERR_OK && changed == 0)
        code = err_set(why, ERR_TOO_BIG, "domain %s: more than %d allowed look-alikes", domain,
                       LIMIT_POLICY_LIST);
    if (code == ERR_OK)
        code = pgexec_number(conn, ack_sql, &args, &count, why);
    *acked = (uint64_t)count;
    return end(conn, code, why);
}

static const char forbid_sql[] =
    "UPDATE domain SET policy = CASE WHEN policy->'lookalike_allow' = to_jsonb(ARRAY[$2::text])"
    " THEN policy - 'lookalike_allow'"
    " ELSE jsonb_set(policy, '{lookalike_allow}', (policy->'lookalike_allow') - $2) END"
    " WHERE id = $1 AND policy->'lookalike_allow' ? $2";

enum err_code db_lookalike_forbid(struct pgconn *conn, const char *domain, const char *name, struct err *why)
{
    int64_t id = 0;
    uint64_t gone = 0;
    enum err_code code = begin(conn, domain, &id, why);
    if (code == ERR_OK)
        code = change(conn, forbid_sql, id, name, &gone, why);
    if (code == ERR_OK && gone == 0)
        code = err_set(why, ERR_NOT_FOUND, "domain %s: %s is not in its list of allowed look-alikes", domain,
                       name);
    return end(conn, code, why);
}
