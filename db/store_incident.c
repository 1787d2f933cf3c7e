#include "db/store_incident.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "db/logalert.h"
#include "db/store_write.h"

#define DEDUP_BYTES 320
#define NOTE_BYTES  480

static bool accuses(const char *kind)
{
    return strcmp(kind, "unproven_head") != 0;
}

/* Of these another head is another contradiction (sql: evidence_known). */
static bool about_heads(const char *kind)
{
    return strcmp(kind, "fork") == 0 || strcmp(kind, "shrunk_head") == 0 ||
           strcmp(kind, "unproven_head") == 0;
}

static struct span head_root(const struct store_evidence *evidence)
{
    return evidence->head.size == 0 ? SPAN_NONE : span_of(evidence->head.root, 32);
}

static struct span other_root(const struct store_evidence *evidence)
{
    return strcmp(evidence->kind, "fork") == 0 ? span_of(evidence->other.root, 32) : SPAN_NONE;
}

/* With the row of the log locked: processes that tell of the same log wait for each other. */
static enum err_code begin(struct pgstore *pg, int32_t log_id, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    enum err_code code = store_write_ready(pg, why);
    if (code == ERR_OK)
        code = pgexec_begin(pg->conn, why);
    if (code != ERR_OK)
        return code;
    pgexec_int(&args, log_id);
    code = pgexec_do(pg->conn, "SELECT id FROM log WHERE id = $1 FOR NO KEY UPDATE", &args, NULL, why);
    if (code != ERR_OK)
        pgexec_rollback(pg->conn);
    return code;
}

static enum err_code finish(struct pgstore *pg, enum err_code code, struct err *why)
{
    if (code == ERR_OK)
        code = pgexec_commit(pg->conn, why); /* doing all of it again changes nothing */
    if (code != ERR_OK)
        pgexec_rollback(pg->conn);
    return code;
}

static enum err_code put_state(struct pgstore *pg, int32_t log_id, const char *kind, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    if (!accuses(kind))
        return ERR_OK;
    pgexec_int(&args, log_id);
    return pgexec_do(pg->conn, "UPDATE log SET state = 'inconsistent' WHERE id = $1 AND state = 'active'",
                     &args, NULL, why);
}

static enum err_code put_evidence(struct pgstore *pg, const struct store_evidence *evidence, bool *made,
                                  struct err *why)
{
    /* jsonb refuses the escape of NUL, which a hostile reply may well hold: such an account is kept as one
     * string. */
    static const char as_json[] =
        "INSERT INTO evidence (log, kind, range_begin, range_end, sentence, account, path, head_root, "
        "other_root, proof)"
        " SELECT $1::int2, $2, $3::int8, $4::int8, $5, $6::jsonb, $7, $8, $9, nullif($10, '')"
        " WHERE NOT evidence_known($1::int2, $2, $3, $8, $9)";
    static const char as_string[] =
        "INSERT INTO evidence (log, kind, range_begin, range_end, sentence, account, path, head_root, "
        "other_root, proof)"
        " SELECT $1::int2, $2, $3::int8, $4::int8, $5, to_jsonb($6::text), $7, $8, $9, nullif($10, '')"
        " WHERE NOT evidence_known($1::int2, $2, $3, $8, $9)";
    char sentence[NOTE_BYTES];
    struct buf json;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t changed = 0;
    buf_init(&json, LIMIT_COPY_BYTES);
    buf_put(&json, evidence->json);
    bool has_nul = memmem(evidence->json.at, evidence->json.len, "\\u0000", 6) != NULL;
    pgexec_int(&args, evidence->log_id);
    pgexec_text(&args, evidence->kind);
    pgexec_int(&args, (int64_t)evidence->begin);
    pgexec_int(&args, (int64_t)evidence->end);
    pgexec_text(&args, text_visible_str(span_str(evidence->sentence), sentence, sizeof sentence));
    pgexec_text(&args, evidence->json.len == 0 ? "{}" : buf_text(&json));
    pgexec_text(&args, evidence->path == NULL ? "" : evidence->path);
    pgexec_bytes(&args, head_root(evidence));
    pgexec_bytes(&args, other_root(evidence));
    pgexec_text(&args, evidence->proof == NULL ? "" : evidence->proof);
    enum err_code code = ERR_MEMORY;
    if (buf_ok(&json))
        code = pgexec_do(pg->conn, has_nul ? as_string : as_json, &args, &changed, why);
    else
        (void)err_set(why, ERR_MEMORY, "database: no memory for the account of an inconsistency");
    buf_fini(&json);
    *made = code == ERR_OK && changed == 1;
    return code;
}

/* As an account is known, so its alert: what was dealt with is not what another head says there. */
static void put_dedup(const struct store_evidence *evidence, char dedup[DEDUP_BYTES])
{
    struct span roots[] = {head_root(evidence), other_root(evidence)};
    int len = snprintf(dedup, DEDUP_BYTES, "log_inconsistent:%" PRId32 ":%.40s:%" PRIu64, evidence->log_id,
                       evidence->kind, evidence->begin);
    for (size_t i = 0; about_heads(evidence->kind) && i < countof(roots); i++) {
        char hex[65];
        if (roots[i].at != NULL)
            len += snprintf(dedup + len, DEDUP_BYTES - (size_t)len, ":%s", text_hex(roots[i], hex));
    }
}

/* The alert of the incident that the new account belongs to, raised if there is none; and the account's. */
static enum err_code put_alert(struct pgstore *pg, const struct store_evidence *evidence, int64_t *alert,
                               struct err *why)
{
    struct alert_finding finding = {
        .kind = ALERT_KIND_LOG_INCONSISTENT,
        .severity = accuses(evidence->kind) ? alert_kind_severity(ALERT_KIND_LOG_INCONSISTENT) : ALERT_HIGH,
        .rule = evidence->kind,
        .expected = SPAN_LIT("one history that only grows"),
        .found = span_str(evidence->sentence),
    };
    char dedup[DEDUP_BYTES];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, evidence->log_id);
    pgexec_text(&args, evidence->kind);
    pgexec_bytes(&args, head_root(evidence));
    pgexec_int(&args, (int64_t)evidence->begin);
    enum err_code code = pgexec_number(
        pg->conn, "SELECT coalesce(evidence_incident($1::int2, $2, $3, $4), 0)", &args, alert, why);
    if (code != ERR_OK || *alert != 0)
        return code;
    put_dedup(evidence, dedup);
    args = PGEXEC_NO_ARGS;
    pgexec_int(&args, evidence->log_id);
    if (accuses(evidence->kind))
        code = pgexec_do(pg->conn, "UPDATE log SET accounts_over = 0 WHERE id = $1 AND accounts_over <> 0",
                         &args, NULL, why);
    return code == ERR_OK ? logalert_raise(pg->conn, evidence->log_id, &finding, dedup, alert, why) : code;
}

static enum err_code say(struct pgstore *pg, int64_t alert, struct err *why)
{
    static const char sql[] = "UPDATE alert AS a SET findings = evidence_findings(a, $2::int4) WHERE id = $1";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, alert);
    pgexec_int(&args, LIMIT_ALERT_FINDINGS - 1);
    return pgexec_do(pg->conn, sql, &args, NULL, why);
}

/* Signed heads that contradict each other are graver than entries that do not fit: who heard of those,
 * however long ago, hears of these. What is told so is in the alert before its new account is. */
static const char graver_sql[] =
    "WITH graver AS (SELECT a.id FROM alert AS a WHERE a.id = $1 AND alert_told(a)"
    "  AND EXISTS (SELECT FROM evidence AS e WHERE e.alert = a.id)"
    "  AND NOT EXISTS (SELECT FROM evidence AS e WHERE e.alert = a.id AND (evidence_cause(e.kind) = "
    "evidence_cause($2) OR evidence_rank(e.kind) <= evidence_rank($2)))),"
    " changed AS (UPDATE alert AS a SET state = 'new', reason = '', event = 'escalated', history = CASE WHEN "
    "a.state <> 'new' THEN alert_history(a) ELSE a.history END FROM graver AS g WHERE a.id = g.id RETURNING "
    "a.id)"
    " INSERT INTO outbox (alert, channel) SELECT x.id, c.name FROM changed AS x JOIN channel AS c ON "
    "c.enabled"
    " ORDER BY x.id, c.name ON CONFLICT (alert, channel) DO UPDATE SET state = 'pending', tries = 0,"
    " next_try_at = now(), last_error = '', key = gen_random_uuid()";

static enum err_code tell_graver(struct pgstore *pg, const struct store_evidence *evidence, int64_t alert,
                                 struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, alert);
    pgexec_text(&args, evidence->kind);
    return pgexec_do(pg->conn, graver_sql, &args, NULL, why);
}

static enum err_code join(struct pgstore *pg, const struct store_evidence *evidence, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t alert = 0;
    enum err_code code = put_alert(pg, evidence, &alert, why);
    if (code == ERR_OK)
        code = tell_graver(pg, evidence, alert, why);
    if (code != ERR_OK)
        return code;
    pgexec_int(&args, evidence->log_id);
    pgexec_text(&args, evidence->kind);
    pgexec_int(&args, (int64_t)evidence->begin);
    pgexec_int(&args, alert);
    code = pgexec_do(pg->conn,
                     "UPDATE evidence SET alert = $4 WHERE id = (SELECT max(id) FROM evidence"
                     " WHERE log = $1 AND kind = $2 AND range_begin = $3)",
                     &args, NULL, why);
    return code == ERR_OK ? say(pg, alert, why) : code;
}

enum err_code store_incident_put(struct store *store, const struct store_evidence *evidence, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    bool made = false;
    enum err_code code = begin(pg, evidence->log_id, why);
    if (code != ERR_OK)
        return code;
    code = put_evidence(pg, evidence, &made, why);
    if (code == ERR_OK)
        code = put_state(pg, evidence->log_id, evidence->kind, why);
    if (code == ERR_OK && made)
        code = join(pg, evidence, why);
    return finish(pg, code, why);
}

/* How many accounts there are of what is to be told, and of its kind within the hour. */
static enum err_code look(struct pgstore *pg, const struct store_evidence *evidence, bool *known, bool *full,
                          struct err *why)
{
    static const char sql[] = "SELECT evidence_known($1::int2, $2, $3, $5, $6),"
                              " (SELECT count(*) FROM (SELECT FROM evidence WHERE log = $1 AND kind = $2"
                              "  AND created_at > now() - interval '1 hour' LIMIT $4) AS x) >= $4";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, evidence->log_id);
    pgexec_text(&args, evidence->kind);
    pgexec_int(&args, (int64_t)evidence->begin);
    pgexec_int(&args, LIMIT_ACCOUNTS_HOUR);
    pgexec_bytes(&args, head_root(evidence));
    pgexec_bytes(&args, other_root(evidence));
    enum err_code code = pgexec_run(pg->conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *known = pgexec_get_bool(res, 0, 0);
    *full = pgexec_get_bool(res, 0, 1);
    PQclear(res);
    return ERR_OK;
}

/* Those whose accounts are kept are dealt with, or over: this one is told of without an account, once an
 * hour.
 */
static enum err_code tell_over(struct pgstore *pg, int32_t log_id, const char *kind, struct err *why)
{
    char found[NOTE_BYTES];
    char dedup[DEDUP_BYTES];
    struct alert_finding finding = {
        .kind = ALERT_KIND_LOG_INCONSISTENT,
        .severity = alert_kind_severity(ALERT_KIND_LOG_INCONSISTENT),
        .rule = "flood",
        .expected = SPAN_LIT("one history that only grows"),
    };
    (void)snprintf(found, sizeof found,
                   "%s, after %d of that kind within an hour: it is counted, and no account of it is kept",
                   kind, LIMIT_ACCOUNTS_HOUR);
    finding.found = span_str(found);
    (void)snprintf(dedup, sizeof dedup, "log_inconsistent:%" PRId32 ":%.40s:flood:%" PRId64, log_id, kind,
                   clock_wall_ms() / 3600000);
    return logalert_raise(pg->conn, log_id, &finding, dedup, NULL, why);
}

static enum err_code count_over(struct pgstore *pg, const struct store_evidence *evidence, struct err *why)
{
    const char *kind = evidence->kind;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t alert = 0;
    pgexec_int(&args, evidence->log_id);
    enum err_code code = pgexec_do(pg->conn, "UPDATE log SET accounts_over = accounts_over + 1 WHERE id = $1",
                                   &args, NULL, why);
    pgexec_text(&args, kind);
    pgexec_int(&args, (int64_t)evidence->begin);
    if (code == ERR_OK)
        code = pgexec_number(pg->conn, "SELECT coalesce(evidence_incident($1::int2, $2, NULL, $3), 0)", &args,
                             &alert, why);
    if (code != ERR_OK)
        return code;
    if (alert != 0)
        return say(pg, alert, why);
    return accuses(kind) ? tell_over(pg, evidence->log_id, kind, why) : ERR_OK;
}

enum err_code store_incident_room(struct store *store, const struct store_evidence *evidence, bool *room,
                                  struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    bool known = false;
    bool full = false;
    *room = false;
    enum err_code code = begin(pg, evidence->log_id, why);
    if (code != ERR_OK)
        return code;
    code = look(pg, evidence, &known, &full, why);
    if (code == ERR_OK && (known || full))
        code = put_state(pg, evidence->log_id, evidence->kind, why);
    if (code == ERR_OK && full && !known)
        code = count_over(pg, evidence, why);
    code = finish(pg, code, why);
    *room = code == ERR_OK && !known && !full;
    return code;
}

enum err_code store_incident_over(struct pgstore *pg, int32_t log_id, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, log_id);
    /* A log with a fork is never well again, and its other accounts may be over all the same. */
    return pgexec_do(pg->conn,
                     "SELECT evidence_over($1::int2) WHERE EXISTS (SELECT FROM evidence WHERE log = $1"
                     " AND kind NOT IN ('fork', 'shrunk_head'))",
                     &args, NULL, why);
}
