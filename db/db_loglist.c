#include "db/db_loglist.h"

#include <stdio.h>
#include <stdlib.h>

#include "db/logalert.h"
#include "db/logrow.h"

#define LOCK_CLASS  "1668707436" /* "cvhl": an advisory lock of our own kind */
#define NAMES_TRIED 3
#define DEDUP_BYTES 96

static const char list_columns[] =
    "SELECT source, revision, version, made_at, etag, logs, fetched_at, tried_at, next_at, failures, refused,"
    " last_error FROM log_list WHERE source = $1";
static const char list_last[] =
    "SELECT source, revision, version, made_at, etag, logs, fetched_at, tried_at, next_at, failures, refused,"
    " last_error FROM log_list ORDER BY tried_at DESC NULLS LAST LIMIT 1";

static enum err_code load(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                          struct db_loglist *list, bool *found, struct err *why)
{
    PGresult *res = NULL;
    *list = (struct db_loglist){.revision = 0};
    *found = false;
    enum err_code code = pgexec_run(conn, sql, args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1) {
        *found = true;
        (void)snprintf(list->source, sizeof list->source, "%s", pgexec_get_text(res, 0, 0));
        list->revision = pgexec_get_int(res, 0, 1);
        (void)snprintf(list->version, sizeof list->version, "%s", pgexec_get_text(res, 0, 2));
        list->made_ms = pgexec_get_time(res, 0, 3);
        (void)snprintf(list->etag, sizeof list->etag, "%s", pgexec_get_text(res, 0, 4));
        list->logs = (uint32_t)pgexec_get_int(res, 0, 5);
        list->fetched_ms = pgexec_get_time(res, 0, 6);
        list->tried_ms = pgexec_get_time(res, 0, 7);
        list->next_ms = pgexec_get_time(res, 0, 8);
        list->failures = (uint32_t)pgexec_get_int(res, 0, 9);
        list->refused = pgexec_get_bool(res, 0, 10);
        (void)snprintf(list->last_error, sizeof list->last_error, "%s", pgexec_get_text(res, 0, 11));
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_loglist_load(struct pgconn *conn, const char *source, struct db_loglist *list, bool *found,
                              struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, source);
    return load(conn, list_columns, &args, list, found, why);
}

enum err_code db_loglist_last(struct pgconn *conn, struct db_loglist *list, bool *found, struct err *why)
{
    return load(conn, list_last, &PGEXEC_NO_ARGS, list, found, why);
}

/* The first row's first columns as truths. */
static enum err_code truths(struct pgconn *conn, const char *sql, bool *first, bool *second, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    *first = pgexec_get_bool(res, 0, 0);
    if (second != NULL)
        *second = pgexec_get_bool(res, 0, 1);
    PQclear(res);
    return ERR_OK;
}

enum err_code db_loglist_any(struct pgconn *conn, bool *applied, bool *by_hand, struct err *why)
{
    return truths(
        conn,
        "SELECT EXISTS (SELECT FROM log_list WHERE revision > 0),"
        " EXISTS (SELECT FROM log WHERE NOT listed AND state <> 'removed' AND protocol <> 'archive')",
        applied, by_hand, why);
}

enum err_code db_loglist_lock(struct pgconn *conn, bool *taken, struct err *why)
{
    *taken = false;
    return truths(conn, "SELECT pg_try_advisory_lock(" LOCK_CLASS ", 1)", taken, NULL, why);
}

enum err_code db_loglist_unlock(struct pgconn *conn, struct err *why)
{
    return pgexec_do(conn, "SELECT pg_advisory_unlock(" LOCK_CLASS ", 1)", &PGEXEC_NO_ARGS, NULL, why);
}

enum err_code db_loglist_failed(struct pgconn *conn, const char *source, const char *text, bool refused,
                                int64_t next_ms, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, source);
    pgexec_text(&args, text);
    pgexec_bool(&args, refused);
    pgexec_time(&args, next_ms);
    return pgexec_do(conn,
                     "INSERT INTO log_list (source, last_error, refused, next_at, tried_at, failures)"
                     " VALUES ($1, $2, $3, $4, now(), 1) ON CONFLICT (source) DO UPDATE SET last_error = $2,"
                     " refused = $3, next_at = $4, tried_at = now(), failures = log_list.failures + 1",
                     &args, NULL, why);
}

enum err_code db_loglist_unchanged(struct pgconn *conn, const char *source, int64_t next_ms, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, source);
    pgexec_time(&args, next_ms);
    return pgexec_do(conn,
                     "UPDATE log_list SET last_error = '', refused = false, failures = 0, next_at = $2,"
                     " fetched_at = now(), tried_at = now() WHERE source = $1",
                     &args, NULL, why);
}

/* Applying -------------------------------------------------------------------------------------------------
 */

struct apply {
    struct pgconn *conn;
    const struct db_loglist_news *news;
    struct db_loglist_change *change;
    int64_t revision;
    bool first; /* no list was ever applied */
};

static void put_time_or_null(struct pgexec_args *args, bool has, int64_t unix_ms)
{
    if (has)
        pgexec_time(args, unix_ms);
    else
        pgexec_null(args);
}

/* $2 to $15, the same for a new and for a known log. */
static void put_listed(struct pgexec_args *args, const struct apply *apply, const struct listed *log)
{
    pgexec_text(args, ctlog_protocol_name(log->log.protocol));
    pgexec_text(args, log->log.url);
    pgexec_text(args, log->log.submission_url);
    pgexec_text(args, log->log.origin);
    pgexec_text(args, log->operator_name);
    pgexec_text(args, log->description);
    pgexec_text(args, listed_state_name(log->state));
    put_time_or_null(args, log->state_ms != 0, log->state_ms);
    if (log->mmd_s != 0)
        pgexec_int(args, log->mmd_s);
    else
        pgexec_null(args);
    put_time_or_null(args, log->has_interval, log->begin_ms);
    put_time_or_null(args, log->has_interval, log->end_ms);
    if (log->has_final)
        pgexec_int(args, (int64_t)log->final_size);
    else
        pgexec_null(args);
    pgexec_bytes(args, log->has_final ? span_of(log->final_root, 32) : SPAN_NONE);
    pgexec_int(args, apply->revision);
}

/* What came to an end begins again when the list takes that back; a proven end stays proven. */
static const char update_sql[] =
    "WITH old AS (SELECT * FROM log WHERE id = $1::int2 FOR UPDATE),"
    " new AS (UPDATE log AS l SET protocol = $2, url = $3, submission_url = $4, origin = $5, operator = $6,"
    "  description = $7, tiles = CASE WHEN l.url = $3 THEN l.tiles END,"
    "  tiles_tried_at = CASE WHEN l.url = $3 THEN l.tiles_tried_at END, list_state = $8, list_state_at = $9, "
    "mmd_s = $10, interval_begin = $11,"
    "  interval_end = $12, final_size = $13, final_root = $14, list_revision = $15,"
    "  left_at = CASE WHEN $8 = 'rejected' THEN coalesce(l.left_at, now()) END,"
    "  ended = CASE WHEN $8 IN ('qualified', 'usable', '') THEN ''"
    "   WHEN l.ended <> 'complete' AND $8 <> 'rejected' AND (l.left_at IS NOT NULL OR l.list_state <> $8)"
    "   THEN '' ELSE l.ended END"
    "  WHERE l.id = $1::int2 RETURNING l.*)"
    " SELECT (o.protocol, o.url, o.submission_url, o.origin, o.operator, o.description, o.list_state,"
    "  o.list_state_at, o.mmd_s, o.interval_begin, o.interval_end, o.final_size, o.final_root, o.ended,"
    "  o.left_at IS NULL) IS DISTINCT FROM"
    "  (n.protocol, n.url, n.submission_url, n.origin, n.operator, n.description, n.list_state,"
    "  n.list_state_at, n.mmd_s, n.interval_begin, n.interval_end, n.final_size, n.final_root, n.ended,"
    "  n.left_at IS NULL) FROM old AS o, new AS n";

static enum err_code update(const struct apply *apply, int64_t id, const struct listed *log, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_int(&args, id);
    put_listed(&args, apply, log);
    enum err_code code = pgexec_run(apply->conn, update_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    apply->change->changed += PQntuples(res) == 1 && pgexec_get_bool(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

/* A name that is taken is made longer: by the operator's, by the log id. */
static void name_try(const struct listed *log, unsigned round, char out[2 * CTLOG_NAME_MAX])
{
    char prefix[24] = "";
    size_t len = 0;
    if (round == 1) {
        for (const char *at = log->operator_name; *at != '\0' && len < sizeof prefix - 1; at++) {
            char c = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
            if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
                prefix[len++] = c;
        }
        prefix[len] = '\0';
        (void)snprintf(out, 2 * CTLOG_NAME_MAX, "%s-%.*s", len == 0 ? "log" : prefix,
                       (int)(CTLOG_NAME_MAX - sizeof prefix - 1), log->log.name);
    } else if (round == 2) {
        (void)snprintf(out, 2 * CTLOG_NAME_MAX, "%.*s-%02x%02x%02x%02x", CTLOG_NAME_MAX - 10, log->log.name,
                       log->log.log_id[0], log->log.log_id[1], log->log.log_id[2], log->log.log_id[3]);
    } else {
        (void)snprintf(out, 2 * CTLOG_NAME_MAX, "%s", log->log.name);
    }
}

static const char insert_sql[] =
    "INSERT INTO log (name, protocol, url, submission_url, origin, operator, description, list_state,"
    " list_state_at, mmd_s, interval_begin, interval_end, final_size, final_root, list_revision, log_id, key,"
    " from_spec, listed, followed)"
    " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9::timestamptz, $10::int4, $11::timestamptz, $12::timestamptz,"
    " $13::int8, $14::bytea, $15, $16, $17, $18, true, false"
    /* Looked for before, because a conflict would use up one of the few numbers there are for logs. */
    " WHERE NOT EXISTS (SELECT FROM log WHERE name = $1)";

static enum err_code insert(const struct apply *apply, const struct listed *log, struct err *why)
{
    const struct db_loglist_news *news = apply->news;
    bool waits = log->state == LISTED_PENDING && !news->follow_pending;
    uint64_t changed = 0;
    enum err_code code = ERR_OK;
    for (unsigned round = 0; code == ERR_OK && changed == 0 && round < NAMES_TRIED; round++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        char name[2 * CTLOG_NAME_MAX];
        name_try(log, round, name);
        pgexec_text(&args, name);
        put_listed(&args, apply, log);
        pgexec_bytes(&args, span_of(log->log.log_id, sizeof log->log.log_id));
        pgexec_bytes(&args, span_of(log->log.key, log->log.key_len));
        /* What is new to a list that was known is read from its first entry: it opened since the last look.
         */
        pgexec_text(&args, apply->first && !waits ? news->from : "0");
        code = pgexec_do(apply->conn, insert_sql, &args, &changed, why);
    }
    if (code == ERR_OK && changed == 0)
        return err_set(why, ERR_EXISTS, "log list: no free name for %s", log->log.name);
    apply->change->added += (uint32_t)changed;
    return code;
}

static bool wanted(const struct apply *apply, const struct listed *log)
{
    if (log->bogus || log->state == LISTED_REJECTED)
        return false;
    return !apply->news->all_logs || (log->state != LISTED_NONE && !log->test);
}

static enum err_code apply_one(const struct apply *apply, const struct listed *log, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    if (!log->has_id)
        return ERR_OK;
    pgexec_bytes(&args, span_of(log->log.log_id, sizeof log->log.log_id));
    enum err_code code = pgexec_cached(
        apply->conn, "SELECT id, listed FROM log WHERE log_id = $1 ORDER BY listed DESC, id LIMIT 1", &args,
        &res, why);
    if (code != ERR_OK)
        return code;
    bool known = PQntuples(res) == 1;
    bool listed = known && pgexec_get_bool(res, 0, 1);
    int64_t id = known ? pgexec_get_int(res, 0, 0) : 0;
    PQclear(res);
    if (known && !listed) {
        apply->change->by_hand++;
        return ERR_OK;
    }
    if (log->refused[0] != '\0') {
        struct pgexec_args still = PGEXEC_NO_ARGS;
        pgexec_int(&still, id);
        pgexec_int(&still, apply->revision);
        return pgexec_do(apply->conn, "UPDATE log SET list_revision = $2 WHERE id = $1 AND listed", &still,
                         NULL, why);
    }
    if (known)
        return update(apply, id, log, why);
    return wanted(apply, log) ? insert(apply, log, why) : ERR_OK;
}

static const char left_sql[] =
    "UPDATE log SET left_at = now() WHERE listed AND left_at IS NULL AND list_revision < $1";

static const char follow_sql[] =
    "UPDATE log AS l SET followed = f.reason = '', unfollowed = f.reason FROM (SELECT id,"
    "  CASE WHEN ended <> '' THEN ended"
    "   WHEN EXISTS (SELECT FROM log AS h WHERE h.log_id = o.log_id AND NOT h.listed AND h.state <> "
    "'removed')"
    "   THEN 'by hand'"
    "   WHEN left_at IS NOT NULL AND NOT EXISTS (SELECT FROM log_range AS r WHERE r.log = o.id) THEN 'left'"
    "   WHEN left_at IS NULL AND list_state = 'pending' AND NOT $1 THEN 'pending'"
    "   ELSE '' END AS reason FROM log AS o WHERE listed) AS f"
    " WHERE l.id = f.id AND (l.followed <> (f.reason = '') OR l.unfollowed <> f.reason)";

static const char keep_sql[] =
    "INSERT INTO log_list (source, revision, version, made_at, etag, bytes, logs, next_at, fetched_at,"
    " applied_at, tried_at, unusable) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), now(), now(), $9)"
    " ON CONFLICT (source) DO UPDATE SET revision = $2, version = $3, made_at = $4, etag = $5, bytes = $6,"
    " logs = $7, next_at = $8, fetched_at = now(), applied_at = now(), tried_at = now(), failures = 0,"
    " refused = false, last_error = '', unusable = $9";

enum err_code db_loglist_follow(struct pgconn *conn, bool follow_pending, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_bool(&args, follow_pending);
    return pgexec_do(conn, follow_sql, &args, NULL, why);
}

/* The first cell as text. */
static enum err_code text_of(struct pgconn *conn, const char *sql, const struct pgexec_args *args, char *out,
                             size_t out_cap, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, sql, args, &res, why);
    out[0] = '\0';
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) != 0)
        (void)snprintf(out, out_cap, "%s", pgexec_get_text(res, 0, 0));
    PQclear(res);
    return ERR_OK;
}

static const char operators_sql[] =
    "WITH fresh AS (INSERT INTO log_operator (name, revision) SELECT DISTINCT operator, $1 FROM log"
    "  WHERE listed AND operator <> '' AND list_revision = $1 ON CONFLICT DO NOTHING RETURNING name, "
    "revision)"
    " SELECT coalesce(string_agg(name, ', ' ORDER BY name), '') FROM fresh WHERE revision > 1";

enum err_code db_loglist_newcomers(struct pgconn *conn, char *out, size_t out_cap, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, DB_LOGLIST_NEW_DAYS);
    return text_of(conn,
                   "SELECT coalesce(string_agg(name, ', ' ORDER BY name), '') FROM log_operator"
                   " WHERE seen_at > now() - $1 * interval '1 day'"
                   " AND revision > (SELECT min(revision) FROM log_operator)",
                   &args, out, out_cap, why);
}

/* What follows for all logs from those that were listed. */
static enum err_code apply_rest(const struct apply *apply, size_t count, struct err *why)
{
    const struct db_loglist_news *news = apply->news;
    struct pgexec_args revision = PGEXEC_NO_ARGS;
    struct pgexec_args keep = PGEXEC_NO_ARGS;
    uint64_t left = 0;
    int64_t followed = 0;
    pgexec_int(&revision, apply->revision);
    pgexec_text(&keep, news->source);
    pgexec_int(&keep, apply->revision);
    pgexec_text(&keep, news->version);
    put_time_or_null(&keep, news->made_ms != 0, news->made_ms);
    pgexec_text(&keep, news->etag);
    pgexec_bytes(&keep, news->bytes);
    pgexec_int(&keep, (int64_t)count);
    pgexec_time(&keep, news->next_ms);
    pgexec_int(&keep, news->unusable);
    enum err_code code = pgexec_do(apply->conn, left_sql, &revision, &left, why);
    if (code == ERR_OK)
        code = db_loglist_follow(apply->conn, news->follow_pending, why);
    if (code == ERR_OK)
        code = pgexec_do(apply->conn, keep_sql, &keep, NULL, why);
    if (code == ERR_OK)
        code = pgexec_number(apply->conn,
                             "SELECT count(*) FROM log WHERE listed AND followed AND state <> 'removed'"
                             " AND left_at IS NULL AND list_revision = $1",
                             &revision, &followed, why);
    if (code == ERR_OK)
        code = text_of(apply->conn, operators_sql, &revision, apply->change->new_operators,
                       sizeof apply->change->new_operators, why);
    apply->change->left = (uint32_t)left;
    apply->change->followed = (uint32_t)followed;
    return code;
}

enum err_code db_loglist_apply(struct pgconn *conn, const struct db_loglist_news *news,
                               const struct listed *logs, size_t count, struct db_loglist_change *change,
                               struct err *why)
{
    struct apply apply = {.conn = conn, .news = news, .change = change};
    *change = (struct db_loglist_change){.added = 0};
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = pgexec_number(conn, "SELECT coalesce(max(revision), 0) + 1 FROM log_list", &PGEXEC_NO_ARGS,
                             &apply.revision, why);
    apply.first = apply.revision == 1;
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        code = apply_one(&apply, &logs[i], why);
    if (code == ERR_OK)
        code = apply_rest(&apply, count, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

/* Beginning and ending -------------------------------------------------------------------------------------
 */

enum err_code db_loglist_unstarted(struct pgconn *conn, struct ctlog **logs, struct db_loglist_from **from,
                                   size_t *count, struct err *why)
{
    static const char sql[] = "SELECT " LOGROW_COLUMNS ", from_spec, added_at FROM log AS l"
                              " WHERE listed AND followed AND state <> 'removed'"
                              " AND NOT EXISTS (SELECT FROM log_range AS r WHERE r.log = l.id) ORDER BY id";
    PGresult *res = NULL;
    *logs = NULL;
    *from = NULL;
    *count = 0;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    size_t rows = (size_t)PQntuples(res);
    *logs = calloc(rows + 1, sizeof **logs);
    *from = calloc(rows + 1, sizeof **from);
    must(*logs != NULL && *from != NULL);
    for (size_t i = 0; i < rows; i++) {
        if (!logrow_get(res, (int)i, &(*logs)[*count]))
            continue; /* the loader of logs says so */
        (void)snprintf((*from)[*count].spec, sizeof(*from)->spec, "%s",
                       pgexec_get_text(res, (int)i, LOGROW_COUNT));
        (*from)[*count].added_ms = pgexec_get_time(res, (int)i, LOGROW_COUNT + 1);
        ++*count;
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_loglist_begin(struct pgconn *conn, int32_t log_id, uint64_t begin, struct err *why)
{
    static const uint8_t empty_tree[8];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)begin);
    /* The frontier of a tree that is joined late is found when its first entries are read. */
    pgexec_bytes(&args, begin == 0 ? span_of(empty_tree, sizeof empty_tree) : SPAN_NONE);
    enum err_code code =
        pgexec_do(conn,
                  "INSERT INTO log_range (log, range_begin, next, verified, frontier, verified_frontier)"
                  " SELECT $1::int2, $2, $2, $2, $3, $3"
                  " WHERE NOT EXISTS (SELECT FROM log_range WHERE log = $1::int2)",
                  &args, NULL, why);
    return code == ERR_OK ? db_loglist_note(conn, log_id, "", why) : code;
}

enum err_code db_loglist_note(struct pgconn *conn, int32_t log_id, const char *text, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, log_id);
    pgexec_text(&args, text);
    return pgexec_do(conn, "UPDATE log SET last_error = $2 WHERE id = $1 AND last_error <> $2", &args, NULL,
                     why);
}

static enum err_code raise_lost(struct pgconn *conn, int32_t log_id, uint64_t begin, uint64_t until,
                                const char *text, struct err *why)
{
    char dedup[DEDUP_BYTES];
    char expected[128];
    (void)snprintf(expected, sizeof expected,
                   "entries %" PRIu64 " to %" PRIu64 ", which its signed head promised", begin, until - 1);
    (void)snprintf(dedup, sizeof dedup, "log_stale:%" PRId32 ":lost_tail:%" PRIu64, log_id, begin);
    struct alert_finding finding = {
        .kind = ALERT_KIND_LOG_STALE,
        .severity = alert_kind_severity(ALERT_KIND_LOG_STALE),
        .rule = "lost_tail",
        .expected = span_str(expected),
        .found = span_str(text),
    };
    return logalert_raise(conn, log_id, &finding, dedup, NULL, why);
}

enum err_code db_loglist_head(struct pgconn *conn, int32_t log_id, uint64_t size, struct head *head,
                              bool *found, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *head = (struct head){.size = size};
    *found = false;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)size);
    enum err_code code =
        pgexec_run(conn, "SELECT root, timestamp FROM log_head WHERE log = $1 AND size = $2 AND verified",
                   &args, &res, why);
    if (code != ERR_OK)
        return code;
    struct span root = PQntuples(res) == 0 ? SPAN_NONE : pgexec_get_bytes(res, 0, 0);
    *found = root.len == sizeof head->root;
    if (*found) {
        memcpy(head->root, root.at, root.len);
        head->timestamp_ms = pgexec_get_time(res, 0, 1);
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_loglist_doubt(struct pgconn *conn, int32_t log_id, uint64_t final_size, const char *text,
                               bool certain, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    char dedup[DEDUP_BYTES];
    struct alert_finding finding = {
        .kind = ALERT_KIND_LOG_INCONSISTENT,
        .severity = alert_kind_severity(ALERT_KIND_LOG_INCONSISTENT),
        .rule = "final_tree_head",
        .expected = SPAN_LIT("the tree that the log list calls final"),
        .found = span_str(text),
    };
    (void)snprintf(dedup, sizeof dedup, "log_inconsistent:%" PRId32 ":final_tree_head:%" PRIu64, log_id,
                   final_size);
    enum err_code code = pgexec_begin(conn, why);
    pgexec_int(&args, log_id);
    pgexec_text(&args, text);
    if (code == ERR_OK)
        code = pgexec_do(conn, "UPDATE log SET final_error = $2 WHERE id = $1 AND final_error <> $2", &args,
                         NULL, why);
    if (code == ERR_OK && certain)
        code = logalert_raise(conn, log_id, &finding, dedup, NULL, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

enum err_code db_loglist_ended(struct pgconn *conn, int32_t log_id, enum db_loglist_end end, uint64_t begin,
                               uint64_t until, const char *text, struct err *why)
{
    static const char *const words[] = {"complete", "ended", "lost"};
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t changed = 0;
    enum err_code code = pgexec_begin(conn, why);
    pgexec_int(&args, log_id);
    pgexec_text(&args, words[end]);
    if (code == ERR_OK)
        code = pgexec_do(conn,
                         "UPDATE log SET ended = $2, ended_at = now(), followed = false, unfollowed = $2,"
                         " final_error = ''"
                         " WHERE id = $1 AND listed AND ended = ''",
                         &args, &changed, why);
    if (code == ERR_OK && changed == 1 && end == DB_LOGLIST_LOST && until > begin)
        code = raise_lost(conn, log_id, begin, until, text, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}
