#include "db/db_trust_alert.h"

#include <stdlib.h>

#include "db/copy.h"
#include "db/pgexec.h"

#define OWN      "(SELECT unnest($5::text[]))"
#define HOLDS(f) "(" f "->>'rule' = ANY ($3::text[]) OR " f "->>'found' = ANY ($6::text[]))"

/* Whoever was told of it alone, or may have been, is told of this too (as store_repair.c). Findings of an
 * alert that is closed stay, so that what it said can be read. */
static const char withdraw_sql[] =
    "WITH a AS (SELECT x.* FROM alert AS x WHERE x.dedup IS NULL AND x.domain = $1 AND x.tbs_fp = $2"
    "  AND x.state IN ('new', 'notified') AND EXISTS (SELECT FROM jsonb_array_elements(x.findings) AS f"
    "  WHERE f->>'kind' IN " OWN " AND NOT " HOLDS(
        "f") ") FOR NO KEY UPDATE),"
             " left_over AS (SELECT a.id, jsonb_agg(e.f ORDER BY e.n) FILTER (WHERE e.f->>'kind' NOT IN " OWN
             "  OR " HOLDS(
                 "e.f") ") AS findings"
                        "  FROM a CROSS JOIN LATERAL jsonb_array_elements(a.findings) WITH ORDINALITY AS "
                        "e(f, n) GROUP BY a.id),"
                        " less AS (UPDATE alert AS t SET findings = l.findings, kind = "
                        "l.findings->0->>'kind',"
                        "  severity = l.findings->0->>'severity', reason = $4"
                        "  FROM left_over AS l WHERE t.id = l.id AND l.findings IS NOT NULL),"
                        " shut AS (UPDATE alert AS t SET state = 'closed', reason = $4, event = 'withdrawn',"
                        "  history = CASE WHEN t.state = 'new' THEN t.history ELSE alert_history(t) END"
                        "  FROM left_over AS l WHERE t.id = l.id AND l.findings IS NULL RETURNING t.id),"
                        " told AS (UPDATE outbox AS o SET state = CASE WHEN o.sent_at IS NULL AND NOT "
                        "(o.state = 'pending'"
                        "  AND o.next_try_at > now() AND (o.tries > 0 OR o.held IS DISTINCT FROM o.key))"
                        "  THEN 'withdrawn' ELSE 'pending' END,"
                        "  tries = 0, next_try_at = now(), last_error = '', key = gen_random_uuid()"
                        "  FROM shut WHERE o.alert = shut.id AND o.state IN ('pending', 'sent'))"
                        " SELECT count(*) FROM shut";

#define TEXTS_MAX (256u << 10) /* of promises of logs, 192 of 0.5 kB */

static void put_texts(struct buf *out, const char *const *at, size_t count)
{
    buf_init(out, TEXTS_MAX);
    copy_put_array(out, COPY_OID_TEXT, count);
    for (size_t i = 0; i < count; i++)
        copy_put_element(out, span_str(at[i]));
    must(buf_ok(out));
}

enum err_code db_trust_alert_withdraw(struct pgconn *conn, const struct db_trust_alert *holds, bool *closed,
                                      struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf rules;
    struct buf kinds;
    struct buf texts;
    int64_t shut = 0;
    put_texts(&rules, holds->rules, holds->count);
    put_texts(&kinds, holds->kinds, holds->kind_count);
    buf_init(&texts, TEXTS_MAX);
    copy_put_array(&texts, COPY_OID_TEXT, holds->text_count);
    for (size_t i = 0; i < holds->text_count; i++)
        copy_put_element(&texts, holds->texts[i]);
    must(buf_ok(&texts));
    pgexec_int(&args, holds->domain_id);
    pgexec_bytes(&args, span_of(holds->tbs_fp, 32));
    pgexec_binary(&args, COPY_OID_TEXT_ARRAY, buf_span(&rules));
    pgexec_text(&args, holds->reason);
    pgexec_binary(&args, COPY_OID_TEXT_ARRAY, buf_span(&kinds));
    pgexec_binary(&args, COPY_OID_TEXT_ARRAY, buf_span(&texts));
    enum err_code code = pgexec_number(conn, withdraw_sql, &args, &shut, why);
    buf_fini(&rules);
    buf_fini(&kinds);
    buf_fini(&texts);
    *closed = code == ERR_OK && shut != 0;
    return code;
}

static void hash_of(const PGresult *res, int row, int col, uint8_t out[32])
{
    struct span bytes = pgexec_get_bytes(res, row, col);
    memset(out, 0, 32);
    if (bytes.len == 32)
        memcpy(out, bytes.at, 32);
}

enum err_code db_trust_alert_issuers(struct pgconn *conn, struct db_trust_issuer **list, size_t *count,
                                     struct err *why)
{
    PGresult *res = NULL;
    *list = NULL;
    *count = 0;
    enum err_code code =
        pgexec_run(conn,
                   "SELECT i.id, i.dn_sha256, i.spki_sha256, t.state, t.next FROM issuer AS i"
                   " LEFT JOIN trust_issuer AS t ON t.issuer = i.id"
                   " WHERE i.spki_sha256 <> decode(repeat('00', 32), 'hex') ORDER BY i.id",
                   &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    *count = (size_t)PQntuples(res);
    *list = calloc(*count + 1, sizeof **list);
    must(*list != NULL);
    for (size_t i = 0; i < *count; i++) {
        struct db_trust_issuer *issuer = &(*list)[i];
        issuer->id = (int32_t)pgexec_get_int(res, (int)i, 0);
        hash_of(res, (int)i, 1, issuer->subject);
        hash_of(res, (int)i, 2, issuer->key);
        hash_of(res, (int)i, 3, issuer->state);
        hash_of(res, (int)i, 4, issuer->next);
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_trust_alert_judged(struct pgconn *conn, const struct db_trust_issuer *list, size_t count,
                                    bool whole, struct err *why)
{
    enum err_code code = pgexec_begin(conn, why);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        pgexec_int(&args, list[i].id);
        pgexec_bytes(&args, span_of(list[i].state, 32));
        pgexec_bool(&args, whole);
        code =
            pgexec_do(conn,
                      "INSERT INTO trust_issuer AS t (issuer, next) SELECT id, $2 FROM issuer WHERE id = $1"
                      " ON CONFLICT (issuer) DO UPDATE SET next = EXCLUDED.next,"
                      " state = CASE WHEN $3::bool AND t.next = EXCLUDED.next AND t.since < now() - interval "
                      "'2 minutes'"
                      "  THEN EXCLUDED.next ELSE t.state END,"
                      " since = CASE WHEN t.next = EXCLUDED.next THEN t.since ELSE now() END",
                      &args, NULL, why);
    }
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

static const char seen_sql[] =
    "WITH seen AS (SELECT a.id, a.domain, (SELECT count(*) FROM alert_sighting AS s WHERE s.alert = "
    "a.id)::int4 AS n"
    "  FROM alert AS a WHERE a.state IN ('new', 'notified') AND a.dedup IS NULL AND a.domain IS NOT NULL"
    "  AND EXISTS (SELECT FROM jsonb_array_elements(a.findings) AS f WHERE f->>'kind' = 'distrusted_ca'))"
    " SELECT s.id, s.domain, s.n FROM seen AS s LEFT JOIN trust_alert AS t ON t.alert = s.id"
    " WHERE t.sightings IS DISTINCT FROM s.n ORDER BY s.id";

enum err_code db_trust_alert_seen(struct pgconn *conn, struct db_trust_seen **list, size_t *count,
                                  struct err *why)
{
    PGresult *res = NULL;
    *list = NULL;
    *count = 0;
    enum err_code code = pgexec_run(conn, seen_sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    *count = (size_t)PQntuples(res);
    *list = calloc(*count + 1, sizeof **list);
    must(*list != NULL);
    for (size_t i = 0; i < *count; i++)
        (*list)[i] = (struct db_trust_seen){pgexec_get_int(res, (int)i, 0), pgexec_get_int(res, (int)i, 1),
                                            (int32_t)pgexec_get_int(res, (int)i, 2)};
    PQclear(res);
    return ERR_OK;
}

enum err_code db_trust_alert_seen_judged(struct pgconn *conn, const struct db_trust_seen *list, size_t count,
                                         struct err *why)
{
    enum err_code code = pgexec_begin(conn, why);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        pgexec_int(&args, list[i].alert);
        pgexec_int(&args, list[i].sightings);
        code = pgexec_do(conn,
                         "INSERT INTO trust_alert AS t (alert, sightings) SELECT id, $2::int4 FROM alert"
                         " WHERE id = $1 ON CONFLICT (alert) DO UPDATE SET sightings = EXCLUDED.sightings",
                         &args, NULL, why);
    }
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}
