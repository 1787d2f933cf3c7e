#include "db/db_explain.h"

#include "db/pgexec.h"

/* What is told to whom is as in db_trust_alert.c. A text that ends with a key alone in brackets is about a
 * proven one (watcher/rule_ca.c), whoever wrote the name in front of it. */
static const char close_sql[] =
    "WITH d AS (SELECT policy FROM domain WHERE id = $1),"
    " k AS (SELECT e->>'sha256' AS hex FROM d, jsonb_array_elements(coalesce(d.policy #> '{keys,spki}', "
    "'[]'))"
    "  AS e),"
    " t AS (SELECT e->>'sha256' AS hex FROM d, jsonb_array_elements(coalesce(d.policy #> '{keys,tbs}', '[]'))"
    "  AS e),"
    " w AS (SELECT encode(spki_sha256, 'hex') AS hex FROM domain_allow WHERE domain = $1),"
    " a AS (SELECT x.* FROM alert AS x WHERE x.dedup IS NULL AND x.domain = $1"
    "  AND x.state IN ('new', 'notified') ORDER BY x.id FOR NO KEY UPDATE),"
    " f AS (SELECT a.id, e.f, e.n, ("
    "   (e.f->>'rule' IN ('allow_ca', 'keys', 'expect') AND encode(a.tbs_fp, 'hex') IN (SELECT hex FROM t))"
    "   OR (e.f->>'rule' IN ('keys', 'expect') AND a.issuance->>'spki_sha256' IN (SELECT hex FROM k))"
    "   OR (e.f->>'rule' = 'allow_ca' AND NOT EXISTS (SELECT FROM w)"
    "    AND a.issuance->>'spki_sha256' IN (SELECT hex FROM k))"
    "   OR (e.f->>'rule' = 'allow_ca'"
    "    AND substring(e.f->>'found' FROM '[(]spki:([0-9a-f]{64})[)]$') IN (SELECT hex FROM w))"
    "   OR (e.f->>'rule' = 'allow_ca' AND (a.issuance->>'issuer_proven')::bool"
    "    AND a.issuance->>'issuer_spki_sha256' IN (SELECT hex FROM w))) AS explained"
    "  FROM a CROSS JOIN LATERAL jsonb_array_elements(a.findings) WITH ORDINALITY AS e(f, n)),"
    " left_over AS (SELECT id, jsonb_agg(f.f ORDER BY f.n) FILTER (WHERE explained IS NOT TRUE) AS findings"
    "  FROM f GROUP BY id HAVING bool_or(explained)),"
    " less AS (UPDATE alert AS x SET findings = l.findings, kind = l.findings->0->>'kind',"
    "  severity = l.findings->0->>'severity', reason = $2"
    "  FROM left_over AS l WHERE x.id = l.id AND l.findings IS NOT NULL),"
    " shut AS (UPDATE alert AS x SET state = 'closed', reason = $2, event = 'withdrawn',"
    "  history = CASE WHEN x.state = 'new' THEN x.history ELSE alert_history(x) END"
    "  FROM left_over AS l WHERE x.id = l.id AND l.findings IS NULL RETURNING x.id),"
    " told AS (UPDATE outbox AS o SET state = CASE WHEN o.sent_at IS NULL AND NOT (o.state = 'pending'"
    "  AND o.next_try_at > now() AND (o.tries > 0 OR o.held IS DISTINCT FROM o.key))"
    "  THEN 'withdrawn' ELSE 'pending' END,"
    "  tries = 0, next_try_at = now(), last_error = '', key = gen_random_uuid()"
    "  FROM shut WHERE o.alert = shut.id AND o.state IN ('pending', 'sent'))"
    " SELECT count(*) FROM shut";

enum err_code db_explain_close(struct pgconn *conn, int64_t domain_id, const char *reason, uint64_t *closed,
                               struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t count = 0;
    pgexec_int(&args, domain_id);
    pgexec_text(&args, reason);
    enum err_code code = pgexec_number(conn, close_sql, &args, &count, why);
    *closed = (uint64_t)count;
    return code;
}

enum err_code db_explain_open(struct pgconn *conn, const int64_t *domains, size_t count, int64_t *open,
                              size_t *open_count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf array;
    PGresult *res = NULL;
    *open_count = 0;
    pgexec_int_array(&args, domains, count, &array);
    enum err_code code =
        !buf_ok(&array) ? err_set(why, ERR_MEMORY, "domains: no memory")
                        : pgexec_run(conn,
                                     "SELECT DISTINCT a.domain FROM alert AS a WHERE a.dedup IS NULL"
                                     " AND a.domain = ANY ($1::int8[]) AND a.state IN ('new', 'notified')",
                                     &args, &res, why);
    for (int i = 0; code == ERR_OK && i < PQntuples(res); i++)
        open[(*open_count)++] = pgexec_get_int(res, i, 0);
    PQclear(res);
    buf_fini(&array);
    return code;
}
