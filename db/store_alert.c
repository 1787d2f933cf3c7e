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

static void put_id_or_null(struct copy *copy, const struct alert *alert)
{
    if (alert->domain_id == ALERT_DOMAINS_NONE)
        copy_null(copy);
    else
        copy_int8(copy, alert->domain_id);
}

void store_alert_begin(struct copy *copy, struct pgconn *conn, struct err *why)
{
    copy_begin(copy, conn,
               "COPY stage_alert (ord, domain, domain_name, kind, severity, name, tbs_fp, dedup, findings,"
               " issuance, log, idx, form, timestamp) FROM STDIN (FORMAT binary)",
               why);
}

void store_alert_put(struct copy *copy, struct buf *scratch, const struct alert *alert,
                     const struct store_alert_place *place, int32_t ord)
{
    const struct alert_finding *gravest = alert_gravest(alert);
    const struct sighting *sighting = place->sighting;
    int64_t seen = sighting->timestamp_ms;
    copy_row(copy, 14);
    copy_int4(copy, ord);
    put_id_or_null(copy, alert);
    put_text_or_null(copy, alert->domain);
    copy_ascii(copy, span_str(alert_kind_name(gravest->kind)));
    copy_ascii(copy, span_str(alert_severity_name(gravest->severity)));
    put_text_or_null(copy, alert->name);
    if (alertjson_has_fp(alert))
        copy_bytes(copy, span_of(alert->issuance->tbs_fp, 32));
    else
        copy_null(copy);
    if (place->dedup == NULL)
        copy_null(copy);
    else
        copy_ascii(copy, span_str(place->dedup));
    buf_clear(scratch);
    alertjson_findings(scratch, alert);
    put_json(copy, scratch);
    buf_clear(scratch);
    alertjson_issuance(scratch, alert);
    put_json(copy, scratch);
    copy_int2(copy, (int16_t)sighting->log_id);
    copy_int8(copy, (int64_t)sighting->index);
    copy_ascii(copy, span_str(alertjson_has_fp(alert) ? issuance_form_name(sighting->form) : "unparsed"));
    copy_time(copy, seen != 0 ? seen : clock_wall_ms());
}

enum err_code store_alert_stage(struct pgstore *pg, struct batch *const *batches, size_t count, int32_t *ord,
                                struct err *why)
{
    char room[ALERTJSON_DEDUP_MAX];
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < batches[i]->alert_count; k++) {
            const struct alert *alert = &batches[i]->alerts[k];
            must(alert->entry_at < batches[i]->entry_count);
            if (alert->finding_count == 0)
                continue;
            if (!any)
                store_alert_begin(&pg->copy, pg->conn, why);
            any = true;
            const struct store_alert_place place = {alertjson_dedup(alert, room), &alert->sighting};
            store_alert_put(&pg->copy, &pg->stage.scratch, alert, &place, (*ord)++);
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
    " SELECT f.domain, f.domain_name, CASE WHEN f.domain IS NULL THEN nullif(f.log, 0) END, f.kind, "
    "f.severity, f.name, "
    "f.tbs_fp, f.dedup, f.findings, f.issuance,"
    " f.first_seen FROM first AS f WHERE f.domain IS NULL OR f.domain = ANY (ARRAY(SELECT d.id FROM domain "
    "AS d"
    "  WHERE d.id = ANY (ARRAY(SELECT g.domain FROM stage_alert AS g WHERE g.domain IS NOT NULL))))"
    " ORDER BY f.dedup, f.domain, CASE WHEN f.dedup IS NULL THEN f.tbs_fp END, f.ord"
    " ON CONFLICT DO NOTHING RETURNING id, domain)"
    " INSERT INTO outbox (alert, channel) SELECT m.id, c.name FROM made AS m LEFT JOIN domain AS d ON d.id = "
    "m.domain"
    " JOIN channel AS c ON c.enabled AND (d.id IS NULL OR d.channels = '{}' OR split_part(c.name, '/', 1) = "
    "ANY (d.channels))"
    " ORDER BY m.id, c.name";

static const char resolve_sql[] =
    "UPDATE stage_alert AS s SET alert = CASE WHEN s.dedup IS NULL THEN (SELECT a.id FROM alert AS a"
    " WHERE a.dedup IS NULL AND a.domain = s.domain AND a.tbs_fp = s.tbs_fp)"
    " ELSE (SELECT a.id FROM alert AS a WHERE a.dedup = s.dedup) END";

/* An array, because of a table without statistics as many rows are expected as there may be, and all alerts
 * would be read for the few that are meant. */
#define STAGED "a.id = ANY (ARRAY(SELECT s.alert FROM stage_alert AS s WHERE s.alert IS NOT NULL))"

/* In the order of ids, so that two writers that add to the same alerts wait instead of deadlocking. */
static const char lock_sql[] = "SELECT a.id FROM alert AS a WHERE " STAGED " ORDER BY a.id FOR NO KEY UPDATE";

#define RANK(severity) "array_position(ARRAY['info', 'low', 'high', 'critical'], " severity ")"
/* Which rule is broken, and by whom: policies end an issuer's text with its key, and a log's with its id. Two
 * findings that agree in this are the same news, however sure we are of them. */
#define NEWS(f)                                                                                              \
    "(" f "->>'kind', " f "->>'rule', coalesce(substring(" f                                                 \
    "->>'found' FROM '(?:spki|log_id):([0-9a-f]{64})[)]$'), ''))"

/* What is staged for alerts that are there. An alert that lost its last sighting to a repair (event
 * withdrawn) begins anew. Of an alert without a domain the newest finding of a rule counts, because its
 * number of domains is that of the moment; otherwise every text is kept once. */
#define MERGED                                                                                               \
    "had AS MATERIALIZED (SELECT a.*, alert_told(a) AS told FROM alert AS a WHERE " STAGED "),"              \
    " more AS (SELECT s.alert, jsonb_agg(e.f ORDER BY s.ord, e.n) AS findings, min(s.timestamp) AS "         \
    "first_seen,"                                                                                            \
    " (array_agg(s.issuance->'domains_concerned' ORDER BY s.ord DESC))[1] AS concerned FROM stage_alert AS " \
    "s"                                                                                                      \
    " CROSS JOIN LATERAL jsonb_array_elements(s.findings) WITH ORDINALITY AS e(f, n)"                        \
    " WHERE s.alert IS NOT NULL GROUP BY s.alert),"                                                          \
    " merged AS (SELECT a.id, least(a.first_seen, m.first_seen) AS first_seen, a.event = 'withdrawn' AS "    \
    "again,"                                                                                                 \
    " a.told, CASE WHEN a.domain_name IS NULL AND m.concerned IS NOT NULL"                                   \
    "  THEN a.issuance || jsonb_build_object('domains_concerned', m.concerned) ELSE a.issuance END AS "      \
    "issuance,"                                                                                              \
    " (SELECT jsonb_agg(g.f ORDER BY g.rank DESC, g.n) FROM (SELECT h.f, h.n, " RANK(                        \
        "h.f->>'severity'") " AS rank"                                                                       \
                            "  FROM (SELECT CASE WHEN a.domain_name IS NULL THEN (array_agg(e.f ORDER BY "   \
                            "e.n DESC))[1]"                                                                  \
                            "   ELSE (array_agg(e.f ORDER BY e.n))[1] END AS f, min(e.n) AS n"               \
                            "   FROM jsonb_array_elements(CASE WHEN a.event = 'withdrawn' THEN '[]' ELSE "   \
                            "a.findings END || m.findings)"                                                  \
                            "   WITH ORDINALITY AS e(f, n) GROUP BY e.f->>'kind', e.f->>'rule',"             \
                            "   CASE WHEN a.domain_name IS NOT NULL THEN e.f->>'found' END) AS h"            \
                            "  ORDER BY rank DESC, h.n LIMIT $1) AS g) AS findings"                          \
                            " FROM more AS m JOIN had AS a ON a.id = m.alert)"

/* Graver, or as grave by another rule or another key; what was refuted once is no news. Findings that a
 * repair took out can not be compared: there only kind and severity count. */
#define GRAVER                                                                                               \
    "CASE WHEN a.findings = '[]' THEN " RANK("m.findings->0->>'severity'") " > " RANK(                       \
        "a.severity") "   OR (m.findings->0->>'severity' = a.severity AND m.findings->0->>'kind' <> a.kind)" \
                      "  ELSE EXISTS (SELECT FROM jsonb_array_elements(m.findings) AS f WHERE " RANK(        \
                          "f->>'severity'") " >= " RANK("a.severity") " AND NOT EXISTS (SELECT FROM "        \
                                                                      "jsonb_array_elements(a.findings || "  \
                                                                      "a.refuted) AS "                       \
                                                                      "o"                                    \
                                                                      "   WHERE " NEWS("o") " = " NEWS(      \
                                                                          "f") ")) END"

static const char merge_sql[] =
    "WITH " MERGED ", judged AS (SELECT m.*, NOT m.again AND " GRAVER " AS graver"
    " FROM merged AS m JOIN had AS a ON a.id = m.id),"
    " changed AS (UPDATE alert AS a SET findings = j.findings, first_seen = j.first_seen, issuance = "
    "j.issuance, kind = j.findings->0->>'kind', severity = j.findings->0->>'severity',"
    " state = CASE WHEN j.again OR j.graver THEN 'new' ELSE a.state END,"
    " reason = CASE WHEN j.again OR j.graver THEN '' ELSE a.reason END,"
    " event = CASE WHEN NOT j.told AND (j.again OR (j.graver AND a.event = 'new')) THEN 'new'"
    "  WHEN j.again THEN 'seen_again' WHEN j.graver THEN 'escalated' ELSE a.event END,"
    " history = CASE WHEN (j.again OR j.graver) AND a.state <> 'new' THEN alert_history(a) ELSE a.history END"
    " FROM judged AS j WHERE a.id = j.id AND " STAGED " AND (j.again OR j.graver OR a.findings <> j.findings"
    "  OR a.first_seen <> j.first_seen OR a.issuance <> j.issuance)"
    " RETURNING a.id, a.domain, j.again OR j.graver AS tell)"
    /* A new key, because it is a new message; a new time, because a delivery that is under way has the old
     * one and must not count for it. */
    " INSERT INTO outbox AS o (alert, channel) SELECT x.id, c.name FROM changed AS x"
    " LEFT JOIN domain AS d ON d.id = x.domain"
    " JOIN channel AS c ON c.enabled AND (d.id IS NULL OR d.channels = '{}' OR split_part(c.name, '/', 1) = "
    "ANY (d.channels))"
    " WHERE x.tell ORDER BY x.id, c.name ON CONFLICT (alert, channel) DO UPDATE SET state = 'pending',"
    " tries = 0, next_try_at = now(), last_error = '', key = gen_random_uuid()";

static const char sighting_sql[] =
    "INSERT INTO alert_sighting (alert, log, idx, form, timestamp)"
    " SELECT DISTINCT ON (s.alert, s.log, s.idx) s.alert, s.log, s.idx, s.form, s.timestamp FROM stage_alert "
    "AS s"
    " WHERE s.alert IS NOT NULL AND s.log <> 0 ORDER BY s.alert, s.log, s.idx, s.ord ON CONFLICT DO NOTHING";

enum err_code store_alert_write(struct pgconn *conn, struct err *why)
{
    static const char *const steps[] = {raise_sql, resolve_sql, lock_sql};
    struct pgexec_args args = PGEXEC_NO_ARGS;
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < countof(steps) && code == ERR_OK; i++)
        code = pgexec_do(conn, steps[i], &PGEXEC_NO_ARGS, NULL, why);
    pgexec_int(&args, LIMIT_ALERT_FINDINGS);
    if (code == ERR_OK)
        code = pgexec_do(conn, merge_sql, &args, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, sighting_sql, &PGEXEC_NO_ARGS, NULL, why);
    return code;
}
