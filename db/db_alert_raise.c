#include "db/db_alert_raise.h"

#include "base/text.h"
#include "db/alertjson.h"
#include "db/pgexec.h"

#define JSON_MAX       (1u << 20)
#define NAME_MAX_SHOWN 1024

static const char sql_insert[] =
    "INSERT INTO alert (domain, domain_name, kind, severity, name, tbs_fp, dedup, findings, issuance, "
    "first_seen, log)"
    " VALUES ($1::int8, $2::text, $3::text, $4::text, $5::text, $6::bytea, $7::text, $8::jsonb, $9::jsonb,"
    " $10::timestamptz, $11::int2) ON CONFLICT DO NOTHING RETURNING id";

static const char sql_find_issuance[] =
    "SELECT id FROM alert WHERE domain = $1::int8 AND tbs_fp = $2::bytea AND dedup IS NULL FOR UPDATE";

static const char sql_find_dedup[] = "SELECT id FROM alert WHERE dedup = $1::text FOR UPDATE";

static const char sql_merge[] =
    "WITH merged AS (SELECT a.id, a.findings || coalesce((SELECT jsonb_agg(n) FROM "
    "jsonb_array_elements($2::jsonb) AS n"
    "  WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(a.findings) AS o"
    "   WHERE o->>'kind' = n->>'kind' AND o->>'rule' = n->>'rule')), '[]') AS findings"
    "  FROM alert AS a WHERE a.id = $1::int8)"
    " UPDATE alert AS a SET findings = m.findings, kind = g.kind, severity = g.severity,"
    "  first_seen = least(a.first_seen, $3::timestamptz)"
    " FROM merged AS m, LATERAL (SELECT e.value->>'kind' AS kind, e.value->>'severity' AS severity"
    "  FROM jsonb_array_elements(m.findings) WITH ORDINALITY AS e (value, at)"
    "  ORDER BY array_position(ARRAY['critical', 'high', 'low', 'info'], e.value->>'severity'), e.at LIMIT "
    "1) AS g"
    " WHERE a.id = m.id";

static const char sql_sighting[] =
    "INSERT INTO alert_sighting (alert, log, idx, form, timestamp)"
    " VALUES ($1::int8, $2::int8, $3::int8, $4::text, $5::timestamptz) ON CONFLICT DO NOTHING";

static const char sql_outbox[] = "INSERT INTO outbox (alert, channel) SELECT a.id, c.name FROM alert AS a"
                                 " LEFT JOIN domain AS d ON d.id = a.domain, channel AS c"
                                 " WHERE a.id = $1::int8 AND c.enabled AND (d.id IS NULL OR d.channels = "
                                 "'{}' OR c.name = ANY (d.channels))"
                                 " ORDER BY c.name ON CONFLICT DO NOTHING";

struct texts {
    struct buf findings;
    struct buf issuance;
    struct buf name;
    struct buf domain;
};

static void texts_init(struct texts *t, const struct alert *alert)
{
    struct span name = alert->name;
    if (name.len > NAME_MAX_SHOWN)
        name.len = NAME_MAX_SHOWN;
    buf_init(&t->findings, JSON_MAX);
    buf_init(&t->issuance, JSON_MAX);
    buf_init(&t->name, JSON_MAX);
    buf_init(&t->domain, JSON_MAX);
    alertjson_findings(&t->findings, alert);
    if (alert->issuance != NULL)
        alertjson_issuance(&t->issuance, alert);
    text_visible(&t->name, name);
    text_visible(&t->domain, alert->domain);
}

static void texts_fini(struct texts *t)
{
    buf_fini(&t->findings);
    buf_fini(&t->issuance);
    buf_fini(&t->name);
    buf_fini(&t->domain);
}

static const char *text_or_null(struct buf *text)
{
    return text->len == 0 ? NULL : buf_text(text);
}

static int64_t first_seen(const struct alert *alert, const struct sighting *sightings, size_t count)
{
    int64_t first = count == 0 ? alert->sighting.timestamp_ms : sightings[0].timestamp_ms;
    for (size_t i = 1; i < count; i++)
        first = sightings[i].timestamp_ms < first ? sightings[i].timestamp_ms : first;
    return first;
}

static void add_domain(struct pgexec_args *args, const struct alert *alert)
{
    if (alert->domain_id == ALERT_DOMAINS_NONE)
        pgexec_null(args);
    else
        pgexec_int(args, alert->domain_id);
}

/* Absent for an entry that could not be parsed. */
static struct span fp_of(const struct alert *alert)
{
    return alertjson_has_fp(alert) ? span_of(alert->issuance->tbs_fp, 32) : SPAN_NONE;
}

/* *id 0: it is there already. */
static enum err_code insert(struct pgconn *conn, const struct alert *alert, const char *dedup,
                            struct texts *t, int64_t first_seen_ms, int64_t *id, struct err *why)
{
    const struct alert_finding *gravest = alert_gravest(alert);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    add_domain(&args, alert);
    pgexec_text(&args, text_or_null(&t->domain));
    pgexec_text(&args, alert_kind_name(gravest->kind));
    pgexec_text(&args, alert_severity_name(gravest->severity));
    pgexec_text(&args, text_or_null(&t->name));
    pgexec_bytes(&args, fp_of(alert));
    pgexec_text(&args, dedup);
    pgexec_text(&args, buf_text(&t->findings));
    pgexec_text(&args, text_or_null(&t->issuance));
    pgexec_time(&args, first_seen_ms);
    /* Without a domain the log says what it is about; a test is about neither. */
    if (alert->domain_id == ALERT_DOMAINS_NONE && alert->sighting.log_id != 0)
        pgexec_int(&args, alert->sighting.log_id);
    else
        pgexec_null(&args);
    enum err_code code = pgexec_run(conn, sql_insert, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *id = PQntuples(res) == 0 ? 0 : pgexec_get_int(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

static enum err_code find(struct pgconn *conn, const struct alert *alert, const char *dedup, int64_t *id,
                          struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    if (dedup != NULL) {
        pgexec_text(&args, dedup);
    } else {
        add_domain(&args, alert);
        pgexec_bytes(&args, fp_of(alert));
    }
    enum err_code code =
        pgexec_run(conn, dedup != NULL ? sql_find_dedup : sql_find_issuance, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *id = PQntuples(res) == 0 ? 0 : pgexec_get_int(res, 0, 0);
    PQclear(res);
    return *id != 0 ? ERR_OK : err_set(why, ERR_DB_CONFLICT, "alert: it vanished while it was being merged");
}

static enum err_code merge(struct pgconn *conn, int64_t id, struct texts *t, int64_t first_seen_ms,
                           struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, id);
    pgexec_text(&args, buf_text(&t->findings));
    pgexec_time(&args, first_seen_ms);
    return pgexec_do(conn, sql_merge, &args, NULL, why);
}

static enum err_code add_sightings(struct pgconn *conn, int64_t id, const struct alert *alert,
                                   const struct sighting *sightings, size_t count, struct err *why)
{
    bool parsed = fp_of(alert).at != NULL;
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        pgexec_int(&args, id);
        pgexec_int(&args, sightings[i].log_id);
        pgexec_int(&args, (int64_t)sightings[i].index);
        pgexec_text(&args, parsed ? issuance_form_name(sightings[i].form) : "unparsed");
        pgexec_time(&args, sightings[i].timestamp_ms);
        code = pgexec_do(conn, sql_sighting, &args, NULL, why);
    }
    return code;
}

static enum err_code add_outbox(struct pgconn *conn, int64_t id, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, id);
    return pgexec_do(conn, sql_outbox, &args, NULL, why);
}

enum err_code db_alert_raise(struct pgconn *conn, const struct alert *alert, const struct sighting *sightings,
                             size_t sighting_count, const char *dedup, int64_t *id, bool *raised,
                             struct err *why)
{
    struct texts t;
    int64_t alert_id = 0;
    int64_t first_seen_ms = first_seen(alert, sightings, sighting_count);
    must(alert->finding_count != 0);
    must(dedup != NULL || (alert->domain_id != ALERT_DOMAINS_NONE && fp_of(alert).at != NULL));
    texts_init(&t, alert);
    enum err_code code = ERR_MEMORY;
    if (!buf_ok(&t.findings) || !buf_ok(&t.issuance) || !buf_ok(&t.name) || !buf_ok(&t.domain))
        code = err_set(why, ERR_MEMORY, "alert: no memory for its texts");
    else
        code = pgexec_begin(conn, why);
    if (code != ERR_OK) {
        texts_fini(&t);
        return code;
    }
    code = insert(conn, alert, dedup, &t, first_seen_ms, &alert_id, why);
    *raised = alert_id != 0;
    if (code == ERR_OK && !*raised)
        code = find(conn, alert, dedup, &alert_id, why);
    if (code == ERR_OK && !*raised)
        code = merge(conn, alert_id, &t, first_seen_ms, why);
    if (code == ERR_OK)
        code = add_sightings(conn, alert_id, alert, sightings, sighting_count, why);
    if (code == ERR_OK && *raised)
        code = add_outbox(conn, alert_id, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    else
        pgexec_rollback(conn);
    texts_fini(&t);
    if (id != NULL)
        *id = alert_id;
    return code;
}
