#include "db/store_alert.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "db/alertjson.h"

#define NAME_BYTES  1024
#define DEDUP_BYTES 128

static void put_text_or_null(struct copy *copy, struct span text)
{
    if (text.at == NULL)
        copy_null(copy);
    else
        copy_text(copy, text, NAME_BYTES);
}

static void put_json(struct copy *copy, struct buf *scratch)
{
    if (!buf_ok(scratch) && copy->code == ERR_OK)
        copy->code = err_set(copy->why, ERR_MEMORY, "database: no memory for an alert");
    copy_json(copy, buf_span(scratch));
}

static void put_alert(struct copy *copy, struct buf *scratch, const struct alert *alert, int32_t ord)
{
    char room[ALERTJSON_DEDUP_MAX];
    const char *dedup = alertjson_dedup(alert, room);
    const struct alert_finding *gravest = alert_gravest(alert);
    int64_t seen = alert->sighting.timestamp_ms;
    copy_row(copy, 14);
    copy_int4(copy, ord);
    if (alert->domain_id == ALERT_DOMAINS_NONE)
        copy_null(copy);
    else
        copy_int8(copy, alert->domain_id);
    put_text_or_null(copy, alert->domain);
    copy_ascii(copy, span_str(alert_kind_name(gravest->kind)));
    copy_ascii(copy, span_str(alert_severity_name(gravest->severity)));
    put_text_or_null(copy, alert->name);
    if (alertjson_has_fp(alert))
        copy_bytes(copy, span_of(alert->issuance->tbs_fp, 32));
    else
        copy_null(copy);
    if (dedup == NULL)
        copy_null(copy);
    else
        copy_ascii(copy, span_str(dedup));
    buf_clear(scratch);
    alertjson_findings(scratch, alert);
    put_json(copy, scratch);
    buf_clear(scratch);
    alertjson_issuance(scratch, alert);
    put_json(copy, scratch);
    copy_int2(copy, (int16_t)alert->sighting.log_id);
    copy_int8(copy, (int64_t)alert->sighting.index);
    copy_ascii(copy, span_str(alertjson_form(alert)));
    copy_time(copy, seen != 0 ? seen : clock_wall_ms());
}

enum err_code store_alert_stage(struct pgstore *pg, struct batch *const *batches, size_t count, int32_t *ord,
                                struct err *why)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < batches[i]->alert_count; k++) {
            const struct alert *alert = &batches[i]->alerts[k];
            must(alert->entry_at < batches[i]->entry_count);
            if (alert->finding_count == 0)
                continue;
            if (!any)
                copy_begin(&pg->copy, pg->conn,
                           "COPY stage_alert (ord, domain, domain_name, kind, severity, name, tbs_fp, dedup, "
                           "findings,"
                           " issuance, log, idx, form, timestamp) FROM STDIN (FORMAT binary)",
                           why);
            any = true;
            put_alert(&pg->copy, &pg->stage.scratch, alert, (*ord)++);
        }
    }
    return any ? copy_end(&pg->copy) : ERR_OK;
}

/* A domain that was removed meanwhile raises nothing. */
static const char raise_sql[] =
    "WITH first AS (SELECT DISTINCT ON (s.dedup, s.domain, s.tbs_fp) s.*,"
    " min(s.timestamp) OVER (PARTITION BY s.dedup, s.domain, s.tbs_fp) AS first_seen"
    " FROM stage_alert AS s ORDER BY s.dedup, s.domain, s.tbs_fp, s.ord),"
    " made AS (INSERT INTO alert (domain, domain_name, log, kind, severity, name, tbs_fp, dedup, findings, "
    "issuance,"
    " first_seen)"
    " SELECT f.domain, f.domain_name, CASE WHEN f.domain IS NULL THEN f.log END, f.kind, f.severity, f.name, "
    "f.tbs_fp, f.dedup, f.findings, f.issuance,"
    " f.first_seen FROM first AS f WHERE f.domain IS NULL OR EXISTS (SELECT FROM domain AS d WHERE d.id = "
    "f.domain)"
    " ORDER BY f.dedup, f.domain, f.tbs_fp ON CONFLICT DO NOTHING RETURNING id, domain)"
    " INSERT INTO outbox (alert, channel) SELECT m.id, c.name FROM made AS m LEFT JOIN domain AS d ON d.id = "
    "m.domain"
    " JOIN channel AS c ON c.enabled AND (d.id IS NULL OR d.channels = '{}' OR c.name = ANY (d.channels))"
    " ORDER BY m.id, c.name";

static const char resolve_sql[] =
    "UPDATE stage_alert AS s SET alert = CASE WHEN s.dedup IS NULL THEN (SELECT a.id FROM alert AS a"
    " WHERE a.dedup IS NULL AND a.domain = s.domain AND a.tbs_fp = s.tbs_fp)"
    " ELSE (SELECT a.id FROM alert AS a WHERE a.dedup = s.dedup) END";

/* In the order of ids, so that two writers that add to the same alerts wait instead of deadlocking. */
static const char lock_sql[] =
    "SELECT a.id FROM alert AS a WHERE a.id IN (SELECT s.alert FROM stage_alert AS s)"
    " ORDER BY a.id FOR NO KEY UPDATE";

/* An alert that lost all its sightings to a repair comes back when its issuance is really seen. */
static const char reopen_sql[] =
    "WITH back AS (UPDATE alert AS a SET state = 'new', reason = '', findings = '[]'"
    " WHERE a.id IN (SELECT s.alert FROM stage_alert AS s) AND a.state = 'closed'"
    " AND NOT EXISTS (SELECT FROM alert_sighting AS x WHERE x.alert = a.id) RETURNING a.id)"
    " UPDATE outbox AS o SET state = 'pending', next_try_at = now() FROM back"
    " WHERE o.alert = back.id AND o.state = 'withdrawn'";

static const char merge_sql[] =
    "WITH more AS (SELECT s.alert, jsonb_agg(e.f ORDER BY s.ord, e.n) AS findings, min(s.timestamp) AS "
    "first_seen"
    " FROM stage_alert AS s CROSS JOIN LATERAL jsonb_array_elements(s.findings) WITH ORDINALITY AS e(f, n)"
    " WHERE s.alert IS NOT NULL GROUP BY s.alert),"
    " merged AS (SELECT a.id, least(a.first_seen, m.first_seen) AS first_seen,"
    " (SELECT jsonb_agg(g.f ORDER BY array_position(ARRAY['info', 'low', 'high', 'critical'], "
    "g.f->>'severity') DESC,"
    " g.n) FROM (SELECT e.f, min(e.n) AS n FROM jsonb_array_elements(a.findings || m.findings) WITH "
    "ORDINALITY"
    " AS e(f, n) GROUP BY e.f) AS g) AS findings"
    " FROM more AS m JOIN alert AS a ON a.id = m.alert)"
    " UPDATE alert AS a SET findings = m.findings, first_seen = m.first_seen, kind = m.findings->0->>'kind',"
    " severity = m.findings->0->>'severity' FROM merged AS m WHERE a.id = m.id"
    " AND (a.findings <> m.findings OR a.first_seen <> m.first_seen)";

static const char sighting_sql[] =
    "INSERT INTO alert_sighting (alert, log, idx, form, timestamp)"
    " SELECT DISTINCT ON (s.alert, s.log, s.idx) s.alert, s.log, s.idx, s.form, s.timestamp FROM stage_alert "
    "AS s"
    " WHERE s.alert IS NOT NULL ORDER BY s.alert, s.log, s.idx, s.ord ON CONFLICT DO NOTHING";

enum err_code store_alert_write(struct pgstore *pg, struct err *why)
{
    static const char *const steps[] = {raise_sql,  resolve_sql, lock_sql,
                                        reopen_sql, merge_sql,   sighting_sql};
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < countof(steps) && code == ERR_OK; i++)
        code = pgexec_do(pg->conn, steps[i], &PGEXEC_NO_ARGS, NULL, why);
    return code;
}

enum err_code store_alert_log(struct pgstore *pg, const struct store_evidence *evidence, struct err *why)
{
    static const char sql[] =
        "WITH made AS (INSERT INTO alert (log, kind, severity, dedup, findings, first_seen)"
        " VALUES ($1, $2, $3, $4, $5::jsonb, $6) ON CONFLICT DO NOTHING RETURNING id)"
        " INSERT INTO outbox (alert, channel) SELECT m.id, c.name FROM made AS m CROSS JOIN channel AS c"
        " WHERE c.enabled ORDER BY m.id, c.name";
    char dedup[DEDUP_BYTES];
    struct alert alert = {.finding_count = 1};
    struct pgexec_args args = PGEXEC_NO_ARGS;
    alert.findings[0] = (struct alert_finding){
        .kind = ALERT_KIND_LOG_INCONSISTENT,
        .severity = alert_kind_severity(ALERT_KIND_LOG_INCONSISTENT),
        .rule = evidence->kind,
        .expected = SPAN_LIT("one history that only grows"),
        .found = span_str(evidence->sentence),
    };
    (void)snprintf(dedup, sizeof dedup, "log_inconsistent:%" PRId32 ":%.40s:%" PRIu64, evidence->log_id,
                   evidence->kind, evidence->begin);
    buf_clear(&pg->stage.scratch);
    alertjson_findings(&pg->stage.scratch, &alert);
    if (!buf_ok(&pg->stage.scratch))
        return err_set(why, ERR_MEMORY, "database: no memory for an alert");
    pgexec_int(&args, evidence->log_id);
    pgexec_text(&args, alert_kind_name(ALERT_KIND_LOG_INCONSISTENT));
    pgexec_text(&args, alert_severity_name(alert.findings[0].severity));
    pgexec_text(&args, dedup);
    pgexec_text(&args, buf_text(&pg->stage.scratch));
    pgexec_time(&args, clock_wall_ms());
    return pgexec_do(pg->conn, sql, &args, NULL, why);
}
