#include "db/db_renewal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "db/certrow.h"
#include "db/dbkey.h"
#include "db/renewalpage.h"

#define COLUMNS "c.not_before, c.not_after, c.tbs_fp, c.spki_sha256, c.issuer, c.names"
#define WANTED  " = ANY ($1::int8[]) AND c.not_after >= $2" RENEWALPAGE_OWN
#define STORED  " AND c.not_after < (SELECT upper FROM cert_span)"
#define REST                                                                                                 \
    " ORDER BY not_after DESC LIMIT $3::int8) " RENEWALPAGE_COLUMNS " FROM c" RENEWALPAGE_JOIN               \
    " ORDER BY c.key"

static const char *const load_sql[] = {
    "WITH c AS MATERIALIZED (SELECT c.apex8 AS key, " COLUMNS " FROM cert AS c WHERE c.apex8" WANTED STORED
    " UNION ALL SELECT a.apex8, " COLUMNS " FROM cert_apex AS a JOIN cert AS c ON c.not_after = a.not_after"
    "  AND c.tbs_fp = a.tbs_fp AND c.issuer = a.issuer WHERE a.not_after >= $2 AND a.apex8" WANTED REST,
    "WITH c AS MATERIALIZED (SELECT c.apex8 AS key, " COLUMNS " FROM cert AS c WHERE c.apex8" WANTED
    " UNION ALL SELECT c.apex8, " COLUMNS " FROM cert_apex AS c WHERE c.apex8" WANTED REST,
};

enum err_code db_renewal_load(struct pgconn *conn, const int64_t *keys, size_t key_count, int64_t since,
                              size_t most, struct db_renewal_page **page, bool *full, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf array;
    PGresult *res = NULL;
    *page = NULL;
    pgexec_int_array(&args, keys, key_count, &array);
    must(buf_ok(&array));
    pgexec_time(&args, since * 1000);
    pgexec_int(&args, (int64_t)most);
    pgexec_int(&args, LIMIT_EXPIRY_NAMES);
    /* Not prepared: how many partitions there are between the bounds decides how it is best done. */
    enum err_code code = pgexec_run(conn, load_sql[conn->spread], &args, &res, why);
    buf_fini(&array);
    if (code != ERR_OK)
        return code;
    *page = calloc(1, sizeof **page);
    must(*page != NULL);
    (*page)->res = res;
    *full = (size_t)PQntuples(res) >= most;
    return ERR_OK;
}

size_t db_renewal_count(const struct db_renewal_page *page)
{
    return (size_t)PQntuples(page->res);
}

static void hash_of(const PGresult *res, int row, int col, uint8_t out[32])
{
    struct span bytes = pgexec_get_bytes(res, row, col);
    memset(out, 0, 32);
    if (bytes.len == 32)
        memcpy(out, bytes.at, 32);
}

void db_renewal_get(const struct db_renewal_page *page, size_t at, struct db_renewal_row *row)
{
    int i = (int)at;
    *row = (struct db_renewal_row){.key = pgexec_get_int(page->res, i, 0)};
    row->not_before = pgexec_get_time(page->res, i, 1) / 1000;
    row->not_after = pgexec_get_time(page->res, i, 2) / 1000;
    hash_of(page->res, i, 3, row->tbs_fp);
    hash_of(page->res, i, 4, row->spki);
    row->names = span_str(pgexec_get_text(page->res, i, 5));
    hash_of(page->res, i, 6, row->name_set);
    row->issuer = span_str(pgexec_get_text(page->res, i, 7));
}

void db_renewal_free(struct db_renewal_page *page)
{
    if (page == NULL)
        return;
    PQclear(page->res);
    free(page);
}

enum err_code db_renewal_now(struct pgconn *conn, int64_t *now, struct err *why)
{
    return pgexec_number(conn, "SELECT extract(epoch FROM now())::int8", &PGEXEC_NO_ARGS, now, why);
}

enum err_code db_renewal_generation(struct pgconn *conn, int64_t *generation, struct err *why)
{
    return pgexec_number(conn, "SELECT generation FROM domain_generation", &PGEXEC_NO_ARGS, generation, why);
}

/* A finding that says that it may be somebody else's. Where keys are listed another key does, however little
 * is made of it. */
static const char doubts_sql[] =
    "SELECT a.domain, a.tbs_fp FROM alert AS a JOIN domain AS d ON d.id = a.domain CROSS JOIN LATERAL"
    "  (SELECT jsonb_array_length(coalesce(d.policy #> '{keys,spki}', '[]')) > 0 AS keys) AS p"
    " WHERE a.dedup IS NULL AND a.tbs_fp IS NOT NULL AND a.state IN ('new', 'notified')"
    " AND (p.keys OR EXISTS (SELECT FROM domain_allow AS w WHERE w.domain = a.domain))"
    " AND EXISTS (SELECT FROM jsonb_array_elements(a.findings) AS f"
    "  WHERE (p.keys AND f->>'kind' = 'unexpected_key') OR (f->>'severity' IN ('high', 'critical')"
    "  AND f->>'kind' IN ('unexpected_ca', 'unexpected_key', 'distrusted_ca', 'unknown_issuer_key',"
    "  'constraint_violation', 'compromised_key', 'twin_serial')))"
    " ORDER BY a.domain, a.tbs_fp LIMIT $1::int8";

enum err_code db_renewal_doubts(struct pgconn *conn, struct db_renewal_doubt **list, size_t *count,
                                struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *list = NULL;
    *count = 0;
    pgexec_int(&args, LIMIT_EXPIRY_DOUBTS);
    enum err_code code = pgexec_run(conn, doubts_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *count = (size_t)PQntuples(res);
    *list = calloc(*count + 1, sizeof **list);
    must(*list != NULL);
    for (size_t i = 0; i < *count; i++) {
        (*list)[i].domain_id = pgexec_get_int(res, (int)i, 0);
        hash_of(res, (int)i, 1, (*list)[i].tbs_fp);
    }
    PQclear(res);
    return ERR_OK;
}

static const char alerts_sql[] =
    "SELECT a.id, coalesce(a.domain, 0), a.tbs_fp, a.dedup, a.state = 'acked',"
    " coalesce((SELECT string_agg(f->>'rule', ' ') || ' ' FROM jsonb_array_elements(a.findings) AS f), '')"
    " FROM alert AS a WHERE a.dedup LIKE 'expiry:%' AND a.state <> 'closed' ORDER BY coalesce(a.domain, 0),"
    " coalesce(a.tbs_fp, ''), a.state <> 'acked', a.id";

enum err_code db_renewal_alerts(struct pgconn *conn, struct db_renewal_alert **list, size_t *count,
                                struct err *why)
{
    PGresult *res = NULL;
    *list = NULL;
    *count = 0;
    enum err_code code = pgexec_run(conn, alerts_sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    *count = (size_t)PQntuples(res);
    *list = calloc(*count + 1, sizeof **list);
    must(*list != NULL);
    for (size_t i = 0; i < *count; i++) {
        struct db_renewal_alert *alert = &(*list)[i];
        alert->id = pgexec_get_int(res, (int)i, 0);
        alert->domain_id = pgexec_get_int(res, (int)i, 1);
        hash_of(res, (int)i, 2, alert->tbs_fp);
        (void)snprintf(alert->dedup, sizeof alert->dedup, "%s", pgexec_get_text(res, (int)i, 3));
        alert->acked = pgexec_get_bool(res, (int)i, 4);
        (void)snprintf(alert->rules, sizeof alert->rules, "%s", pgexec_get_text(res, (int)i, 5));
    }
    PQclear(res);
    return ERR_OK;
}

/* As alerts of rule R3 are taken back (db_trust_alert.c). */
static const char close_sql[] =
    "WITH shut AS (UPDATE alert AS t SET state = 'closed', reason = $2, event = 'withdrawn',"
    "  history = CASE WHEN t.state = 'new' THEN t.history ELSE alert_history(t) END"
    "  WHERE t.id = $1 AND t.state <> 'closed' RETURNING t.id)"
    " UPDATE outbox AS o SET state = CASE WHEN o.sent_at IS NULL AND NOT (o.state = 'pending'"
    "  AND o.next_try_at > now() AND (o.tries > 0 OR o.held IS DISTINCT FROM o.key))"
    "  THEN 'withdrawn' ELSE 'pending' END,"
    "  tries = 0, next_try_at = now(), last_error = '', key = gen_random_uuid()"
    "  FROM shut WHERE o.alert = shut.id AND o.state IN ('pending', 'sent')";

enum err_code db_renewal_close(struct pgconn *conn, int64_t alert, const char *reason, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, alert);
    pgexec_text(&args, reason);
    return pgexec_do(conn, close_sql, &args, NULL, why);
}

enum err_code db_renewal_has(struct pgconn *conn, int64_t domain_id, const uint8_t tbs_fp[32],
                             const char *rule, bool *has, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t count = 0;
    pgexec_int(&args, domain_id);
    pgexec_bytes(&args, span_of(tbs_fp, 32));
    pgexec_text(&args, rule);
    enum err_code code = pgexec_number(
        conn,
        "SELECT count(*) FROM alert AS a WHERE a.domain = $1 AND a.tbs_fp = $2 AND a.dedup IS NULL"
        " AND EXISTS (SELECT FROM jsonb_array_elements(a.findings) AS f WHERE f->>'rule' = $3)",
        &args, &count, why);
    *has = count != 0;
    return code;
}

#define ONE " WHERE c.not_after = $1 AND c.tbs_fp = $2 ORDER BY c.issuer LIMIT 1"

static const char *const cert_sql[] = {
    "SELECT " CERTROW_COLUMNS " FROM cert AS c" CERTROW_JOINS ONE,
    "WITH c AS MATERIALIZED (SELECT " CERTROW_SPREAD("c", "cert") " FROM cert AS c" ONE
                                                                  ") SELECT " CERTROW_SPREAD_COLUMNS
                                                                  " FROM c" CERTROW_JOINS,
};

static enum err_code get_seen(struct pgconn *conn, const struct certrow *row, struct arena *arena,
                              struct db_renewal_cert *cert, struct err *why)
{
    const int64_t fp8 = dbkey_first8(row->issuance.tbs_fp);
    struct certrow_sightings sightings;
    struct certrow_seen seen = {0};
    enum err_code code = certrow_sightings_load(conn, &fp8, 1, &sightings, why);
    if (code != ERR_OK)
        return code;
    code = certrow_sightings_of(&sightings, row, arena, &seen, why);
    cert->seen = seen.at;
    cert->seen_count = seen.count;
    /* A part of a hash is not a hash. */
    for (size_t i = 0; i < seen.count; i++)
        memset(seen.at[i].sha256, 0, sizeof seen.at[i].sha256);
    certrow_sightings_free(&sightings);
    return code;
}

enum err_code db_renewal_cert(struct pgconn *conn, const uint8_t tbs_fp[32], int64_t not_after,
                              struct arena *arena, struct db_renewal_cert *cert, bool *found, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct certrow row;
    PGresult *res = NULL;
    *cert = (struct db_renewal_cert){.seen = NULL};
    *found = false;
    pgexec_time(&args, not_after * 1000);
    pgexec_bytes(&args, span_of(tbs_fp, 32));
    enum err_code code = pgexec_cached(conn, cert_sql[conn->spread], &args, &res, why);
    if (code != ERR_OK)
        return code;
    cert->held = calloc(1, sizeof *cert->held);
    must(cert->held != NULL);
    cert->held->res = res;
    *found = PQntuples(res) == 1;
    if (*found)
        code = certrow_get(res, 0, 0, arena, &row, why);
    if (*found && code == ERR_OK)
        code = get_seen(conn, &row, arena, cert, why);
    if (*found && code == ERR_OK)
        cert->issuance = row.issuance;
    return code;
}
