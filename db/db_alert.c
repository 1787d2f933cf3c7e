#include "db/db_alert.h"

#include <stdio.h>
#include <stdlib.h>

#include "db/db_der.h"
#include "db/dbkey.h"
#include "db/pgexec.h"

#define LIST_MAX 1000 /* rows of one page: an alert carries its evidence, some kB each */

#define ALERT_COLUMNS                                                                                        \
    "a.id, a.kind, a.severity, a.domain_name, l.name, a.name, a.tbs_fp, a.findings::text, "                  \
    "a.issuance::text, a.state,"                                                                             \
    " a.reason, a.first_seen, a.created_at,"                                                                 \
    " (SELECT e.path FROM evidence_accounts(a.id, 1) AS e),"                                                 \
    " a.event, a.history::text,"                                                                             \
    " CASE WHEN a.kind = 'log_inconsistent' THEN (SELECT jsonb_agg(to_jsonb(e))::text"                       \
    "  FROM evidence_accounts(a.id, 32) AS e) END,"                                                          \
    " (SELECT (d.policy -> 'tags')::text FROM domain AS d WHERE d.id = a.domain),"                           \
    " (SELECT d.owner FROM domain AS d WHERE d.id = a.domain)"                                               \
    " FROM alert AS a LEFT JOIN log AS l ON l.id = a.log"

static const char list_sql[] =
    "SELECT " ALERT_COLUMNS
    " WHERE ($1::text IS NULL OR a.domain_name = $1) AND ($2::text IS NULL OR a.state = $2)"
    " AND ($3::text IS NULL OR array_position(ARRAY['info', 'low', 'high', 'critical'], a.severity)"
    "                          >= array_position(ARRAY['info', 'low', 'high', 'critical'], $3))"
    " AND a.created_at >= $4 AND ($5::int8 = 0 OR a.id < $5) ORDER BY a.id DESC LIMIT $6";

static const char sightings_sql[] =
    "SELECT l.name, l.url, s.idx, s.form, s.timestamp, s.verified FROM alert_sighting_verified AS s"
    " JOIN log AS l ON l.id = s.log WHERE s.alert = $1 ORDER BY s.timestamp, l.name, s.idx";

static const char deliveries_sql[] = "SELECT channel, state, tries, next_try_at, sent_at, last_error FROM "
                                     "outbox WHERE alert = $1 ORDER BY channel";

/* The bytes of the sighting that comes first, in the order above. */
static const char entry_sql[] =
    "SELECT m.leaf, m.extra, sha256('\\x00'::bytea || m.leaf) FROM alert_sighting AS s JOIN log AS l ON l.id "
    "= s.log"
    " JOIN malformed AS m ON m.log = s.log AND m.idx = s.idx WHERE s.alert = $1 AND s.form = 'unparsed'"
    " ORDER BY s.timestamp, l.name, s.idx LIMIT 1";

static const char hash_sql[] = "SELECT decode(issuance ->> 'sha256', 'hex') FROM alert WHERE id = $1"
                               " AND issuance ->> 'sha256' ~ '^[0-9a-f]{64}$'";

static const char *text_or_null(const PGresult *res, int row, int col)
{
    return pgexec_is_null(res, row, col) ? NULL : pgexec_get_text(res, row, col);
}

static void get_alert(const PGresult *res, int row, struct db_alert_row *alert)
{
    struct span fp = pgexec_get_bytes(res, row, 6);
    *alert = (struct db_alert_row){
        .id = pgexec_get_int(res, row, 0),
        .kind = pgexec_get_text(res, row, 1),
        .severity = pgexec_get_text(res, row, 2),
        .domain = text_or_null(res, row, 3),
        .log = text_or_null(res, row, 4),
        .name = text_or_null(res, row, 5),
        .has_fp = fp.len == 32,
        .findings = pgexec_get_text(res, row, 7),
        .issuance = text_or_null(res, row, 8),
        .state = pgexec_get_text(res, row, 9),
        .reason = pgexec_get_text(res, row, 10),
        .first_seen_ms = pgexec_get_time(res, row, 11),
        .created_ms = pgexec_get_time(res, row, 12),
        .evidence = text_or_null(res, row, 13),
        .event = pgexec_get_text(res, row, 14),
        .history = pgexec_get_text(res, row, 15),
        .accounts = text_or_null(res, row, 16),
        .tags = text_or_null(res, row, 17),
        .owner = text_or_null(res, row, 18),
    };
    if (alert->has_fp)
        memcpy(alert->tbs_fp, fp.at, 32);
}

static struct db_alert_sighting *get_sightings(const PGresult *res)
{
    int rows = PQntuples(res);
    struct db_alert_sighting *sightings = calloc((size_t)rows + 1, sizeof *sightings);
    for (int row = 0; sightings != NULL && row < rows; row++) {
        sightings[row] = (struct db_alert_sighting){
            .log = pgexec_get_text(res, row, 0),
            .log_url = pgexec_get_text(res, row, 1),
            .index = (uint64_t)pgexec_get_int(res, row, 2),
            .form = pgexec_get_text(res, row, 3),
            .timestamp_ms = pgexec_get_time(res, row, 4),
            .verified = pgexec_get_bool(res, row, 5),
        };
    }
    return sightings;
}

static struct db_alert_delivery *get_deliveries(const PGresult *res)
{
    int rows = PQntuples(res);
    struct db_alert_delivery *deliveries = calloc((size_t)rows + 1, sizeof *deliveries);
    for (int row = 0; deliveries != NULL && row < rows; row++) {
        deliveries[row] = (struct db_alert_delivery){
            .channel = pgexec_get_text(res, row, 0),
            .state = pgexec_get_text(res, row, 1),
            .tries = (int32_t)pgexec_get_int(res, row, 2),
            .next_try_ms = pgexec_get_time(res, row, 3),
            .sent_ms = pgexec_get_time(res, row, 4),
            .last_error = pgexec_get_text(res, row, 5),
        };
    }
    return deliveries;
}

struct whole {
    const uint8_t *sha256;
    uint8_t *der;
    size_t len;
};

static bool take_whole(void *arg, struct span der)
{
    struct whole *whole = arg;
    uint8_t sha256[32];
    dbkey_sha256(der, sha256);
    if (memcmp(sha256, whole->sha256, 32) != 0)
        return false;
    whole->der = malloc(der.len + 1);
    if (whole->der == NULL)
        return false;
    memcpy(whole->der, der.at, der.len);
    whole->len = der.len;
    return true;
}

/* A certificate that is not kept, or whose row is damaged, is no reason to keep an alert back. */
static enum err_code get_whole(struct pgconn *conn, const struct pgexec_args *id, struct whole *whole,
                               struct err *why)
{
    PGresult *res;
    bool found = false;
    struct err damage = {0};
    enum err_code code = pgexec_cached(conn, hash_sql, id, &res, why);
    if (code != ERR_OK)
        return code;
    struct span hash = PQntuples(res) == 1 ? pgexec_get_bytes(res, 0, 0) : SPAN_NONE;
    if (hash.len == 32) {
        whole->sha256 = hash.at;
        code = db_der_find(conn, hash.at, take_whole, whole, &found, &damage);
    }
    PQclear(res);
    if (code == ERR_OK || code == ERR_FORMAT)
        return ERR_OK;
    return err_set(why, code, "%s", damage.text);
}

struct hand_over {
    db_alert_each *each;
    void *arg;
    bool deliveries; /* read them as well */
};

static enum err_code hand_over(struct pgconn *conn, struct db_alert_row *alert, const struct hand_over *to,
                               struct err *why)
{
    PGresult *sighted = NULL;
    PGresult *delivered = NULL;
    PGresult *kept = NULL;
    struct db_alert_sighting *sightings = NULL;
    struct db_alert_delivery *deliveries = NULL;
    struct whole whole = {0};
    struct pgexec_args args = {0};
    pgexec_int(&args, alert->id);
    enum err_code code = pgexec_cached(conn, sightings_sql, &args, &sighted, why);
    if (code == ERR_OK && to->deliveries)
        code = pgexec_cached(conn, deliveries_sql, &args, &delivered, why);
    if (code == ERR_OK && to->deliveries && !alert->has_fp)
        code = pgexec_cached(conn, entry_sql, &args, &kept, why);
    if (code == ERR_OK && to->deliveries && alert->has_fp)
        code = get_whole(conn, &args, &whole, why);
    if (code != ERR_OK)
        goto out;
    sightings = get_sightings(sighted);
    deliveries = delivered != NULL ? get_deliveries(delivered) : NULL;
    if (sightings == NULL || (delivered != NULL && deliveries == NULL)) {
        code = err_set(why, ERR_MEMORY, "alert %" PRId64 ": no memory", alert->id);
        goto out;
    }
    alert->sightings = sightings;
    alert->sighting_count = (size_t)PQntuples(sighted);
    alert->deliveries = deliveries;
    alert->delivery_count = delivered != NULL ? (size_t)PQntuples(delivered) : 0;
    alert->has_entry = kept != NULL && PQntuples(kept) != 0;
    if (alert->has_entry) {
        alert->leaf = pgexec_get_bytes(kept, 0, 0);
        alert->extra = pgexec_get_bytes(kept, 0, 1);
        struct span hash = pgexec_get_bytes(kept, 0, 2);
        must(hash.len == sizeof alert->leaf_hash);
        memcpy(alert->leaf_hash, hash.at, hash.len);
    }
    alert->der = whole.der == NULL ? SPAN_NONE : span_of(whole.der, whole.len);
    code = to->each(to->arg, alert, why);
out:
    free(whole.der);
    free(sightings);
    free(deliveries);
    PQclear(sighted);
    PQclear(delivered);
    PQclear(kept);
    return code;
}

/* The first `max` rows; the one beyond them only says that there are more. */
static enum err_code hand_over_all(struct pgconn *conn, const PGresult *res, int max,
                                   const struct hand_over *to, int64_t *next, struct err *why)
{
    enum err_code code = ERR_OK;
    for (int row = 0; code == ERR_OK && row < PQntuples(res) && row < max; row++) {
        struct db_alert_row alert;
        get_alert(res, row, &alert);
        code = hand_over(conn, &alert, to, why);
        *next = alert.id;
    }
    if (PQntuples(res) <= max)
        *next = 0;
    return code;
}

enum err_code db_alert_list(struct pgconn *conn, const struct db_alert_filter *filter, db_alert_each *each,
                            void *arg, int64_t *next, struct err *why)
{
    PGresult *res;
    struct pgexec_args args = {0};
    const struct hand_over to = {each, arg, false};
    uint32_t limit = filter->limit < LIST_MAX ? filter->limit : LIST_MAX;
    *next = 0;
    pgexec_text(&args, filter->domain);
    pgexec_text(&args, filter->state);
    pgexec_text(&args, filter->severity);
    pgexec_time(&args, filter->since_ms);
    pgexec_int(&args, filter->after);
    pgexec_int(&args, (int64_t)limit + 1);
    enum err_code code = pgexec_run(conn, list_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    code = hand_over_all(conn, res, (int)limit, &to, next, why);
    PQclear(res);
    return code;
}

/* "{1,2,3}": PostgreSQL's text form of an array. */
static void put_ids(const int64_t *ids, size_t count, char *out, size_t out_cap)
{
    size_t len = 1;
    (void)snprintf(out, out_cap, "{");
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, out_cap - len, "%s%" PRId64, i == 0 ? "" : ",", ids[i]);
    must(len + 2 <= out_cap);
    (void)snprintf(out + len, out_cap - len, "}");
}

/* Both results are in the order of the alerts' ids. */
static enum err_code hand_over_some(const PGresult *rows, const PGresult *sighted, db_alert_each *each,
                                    void *arg, struct err *why)
{
    struct db_alert_sighting *sightings = get_sightings(sighted);
    enum err_code code = sightings != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "alerts: no memory");
    int at = 0;
    for (int row = 0; code == ERR_OK && row < PQntuples(rows); row++) {
        struct db_alert_row alert;
        get_alert(rows, row, &alert);
        int begin = at;
        while (at < PQntuples(sighted) && pgexec_get_int(sighted, at, 6) == alert.id)
            at++;
        alert.sightings = sightings + begin;
        alert.sighting_count = (size_t)(at - begin);
        code = each(arg, &alert, why);
    }
    free(sightings);
    return code;
}

enum err_code db_alert_some(struct pgconn *conn, const int64_t *ids, size_t count, db_alert_each *each,
                            void *arg, struct err *why)
{
    static const char rows_sql[] = "SELECT " ALERT_COLUMNS " WHERE a.id = ANY ($1::int8[]) ORDER BY a.id";
    static const char seen_sql[] =
        "SELECT l.name, l.url, s.idx, s.form, s.timestamp, s.verified, s.alert FROM alert_sighting_verified "
        "AS s"
        " JOIN log AS l ON l.id = s.log JOIN alert AS a ON a.id = s.alert"
        " WHERE s.alert = ANY ($1::int8[]) ORDER BY s.alert, s.timestamp, l.name, s.idx";
    char text[21 * DB_ALERT_SOME_MAX + 8];
    struct pgexec_args args = {0};
    PGresult *rows = NULL;
    PGresult *sighted = NULL;
    must(count <= DB_ALERT_SOME_MAX);
    put_ids(ids, count, text, sizeof text);
    pgexec_text(&args, text);
    enum err_code code =
        pgexec_begin_as(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" PGEXEC_IDLE_LONG, why);
    if (code != ERR_OK)
        return code;
    code = pgexec_cached(conn, rows_sql, &args, &rows, why);
    if (code == ERR_OK)
        code = pgexec_cached(conn, seen_sql, &args, &sighted, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    else
        pgexec_rollback(conn);
    if (code == ERR_OK)
        code = hand_over_some(rows, sighted, each, arg, why);
    PQclear(rows);
    PQclear(sighted);
    return code;
}

static enum err_code not_found(int64_t id, struct err *why)
{
    return err_set(why, ERR_NOT_FOUND, "alert %" PRId64 ": there is none; `ctvigil alert list` shows them",
                   id);
}

enum err_code db_alert_show(struct pgconn *conn, int64_t id, db_alert_each *each, void *arg, struct err *why)
{
    PGresult *res;
    struct pgexec_args args = {0};
    const struct hand_over to = {each, arg, true};
    int64_t next;
    pgexec_int(&args, id);
    enum err_code code = pgexec_run(conn, "SELECT " ALERT_COLUMNS " WHERE a.id = $1", &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 0)
        code = not_found(id, why);
    else
        code = hand_over_all(conn, res, 1, &to, &next, why);
    PQclear(res);
    return code;
}

enum err_code db_alert_ack(struct pgconn *conn, int64_t id, const char *reason, struct err *why)
{
    PGresult *res;
    struct pgexec_args args = {0};
    pgexec_int(&args, id);
    pgexec_text(&args, reason);
    enum err_code code = pgexec_run(
        conn,
        "WITH acked AS (UPDATE alert SET state = 'acked', reason = CASE"
        "  WHEN state = 'acked' AND $2::text = '' THEN reason ELSE $2 END WHERE id = $1 RETURNING id),"
        " gone AS (UPDATE outbox AS o SET state = 'withdrawn' FROM acked"
        "          WHERE o.alert = acked.id AND o.state = 'pending')"
        " SELECT id FROM acked",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 0)
        code = not_found(id, why);
    PQclear(res);
    return code;
}
