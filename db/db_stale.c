#include "db/db_stale.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "db/facts.h"
#include "db/logalert.h"
#include "db/pgexec.h"

#define LOCK_CLASS  "1668707443" /* "cvhs": an advisory lock of our own kind */
#define DEDUP_BYTES 96

/* A log is expected to go on while it is followed and its list does not say otherwise. */
#define GOES_ON                                                                                              \
    "l.state <> 'removed' AND l.followed AND l.ended = '' AND l.left_at IS NULL"                             \
    " AND l.list_state NOT IN ('readonly', 'retired', 'rejected')"                                           \
    " AND EXISTS (SELECT FROM log_range AS r WHERE r.log = l.id)"

static const char watch_sql[] =
    "INSERT INTO log_watch AS w (since, at) VALUES (now(), now()) ON CONFLICT (one) DO UPDATE SET at = now(),"
    " since = CASE WHEN w.at BETWEEN now() - $1 * interval '1 s' AND now() + interval '1 minute'"
    "  THEN w.since ELSE now() END"
    " RETURNING now(), since, (SELECT rule FROM log_incident WHERE log = 0)";

static const char logs_sql[] =
    "SELECT l.id, l.name, l.last_error, l.mmd_s, l.added_at, coalesce(h.timestamp_ms, "
    "  (extract(epoch FROM h.timestamp) * 1000)::int8), h.seen_last, h.size, s.size, s.seen_last, "
    "  l.last_contact, h.size > (SELECT max(next) FROM log_range AS r WHERE r.log = l.id), i.rule, i.since"
    " FROM log AS l LEFT JOIN log_incident AS i ON i.log = l.id"
    " LEFT JOIN LATERAL (SELECT size, timestamp, timestamp_ms, seen_last FROM log_head AS h WHERE h.log = "
    "l.id"
    "  ORDER BY size DESC, timestamp DESC LIMIT 1) AS h ON true"
    " LEFT JOIN LATERAL (SELECT size, seen_last FROM log_head AS h WHERE h.log = l.id"
    "  ORDER BY seen_last DESC, size DESC LIMIT 1) AS s ON true"
    " WHERE " GOES_ON " ORDER BY l.id";

static void get_log(const PGresult *res, int row, struct db_stale_log *log)
{
    *log = (struct db_stale_log){.id = (int32_t)pgexec_get_int(res, row, 0)};
    (void)snprintf(log->name, sizeof log->name, "%s", pgexec_get_text(res, row, 1));
    (void)snprintf(log->last_error, sizeof log->last_error, "%s", pgexec_get_text(res, row, 2));
    log->mmd_s = pgexec_get_int(res, row, 3);
    log->begun_ms = pgexec_get_time(res, row, 4);
    log->head_ms = pgexec_get_int(res, row, 5);
    log->head_seen_ms = pgexec_get_time(res, row, 6);
    log->head_size = (uint64_t)pgexec_get_int(res, row, 7);
    log->served_size = (uint64_t)pgexec_get_int(res, row, 8);
    log->heard_ms = pgexec_get_time(res, row, 9);
    log->clean_ms = pgexec_get_time(res, row, 10);
    log->behind = pgexec_get_bool(res, row, 11);
    (void)snprintf(log->rule, sizeof log->rule, "%s", pgexec_get_text(res, row, 12));
    log->stale_since_ms = pgexec_get_time(res, row, 13);
}

static enum err_code look_at_watch(struct pgconn *conn, struct db_stale_look *look, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_int(&args, DB_STALE_BREAK_S);
    enum err_code code = pgexec_run(conn, watch_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    look->now_ms = pgexec_get_time(res, 0, 0);
    look->watching_ms = pgexec_get_time(res, 0, 1);
    (void)snprintf(look->self_rule, sizeof look->self_rule, "%s", pgexec_get_text(res, 0, 2));
    PQclear(res);
    return ERR_OK;
}

static enum err_code look_at_logs(struct pgconn *conn, struct db_stale_look *look, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, logs_sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    look->count = (size_t)PQntuples(res);
    look->logs = calloc(look->count + 1, sizeof *look->logs);
    must(look->logs != NULL);
    for (size_t i = 0; i < look->count; i++)
        get_log(res, (int)i, &look->logs[i]);
    PQclear(res);
    return ERR_OK;
}

enum err_code db_stale_begin(struct pgconn *conn, struct db_stale_look *look, struct err *why)
{
    int64_t taken = 0;
    *look = (struct db_stale_look){.taken = false};
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = pgexec_number(conn, "SELECT pg_try_advisory_xact_lock(" LOCK_CLASS ", 1)::int",
                             &PGEXEC_NO_ARGS, &taken, why);
    if (code == ERR_OK && taken != 0)
        code = look_at_watch(conn, look, why);
    if (code == ERR_OK && taken != 0)
        code = look_at_logs(conn, look, why);
    look->taken = code == ERR_OK && taken != 0;
    if (!look->taken)
        pgexec_rollback(conn);
    return code;
}

enum err_code db_stale_open(struct pgconn *conn, int32_t log_id, const char *rule, const char *expected,
                            const char *found, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    char dedup[DEDUP_BYTES];
    int64_t at_us = 0;
    int64_t alert = 0;
    struct alert_finding finding = {
        .kind = ALERT_KIND_LOG_STALE,
        .severity = alert_kind_severity(ALERT_KIND_LOG_STALE),
        .rule = rule,
        .expected = span_str(expected),
        .found = span_str(found),
    };
    enum err_code code = pgexec_number(conn, "SELECT (extract(epoch FROM now()) * 1000000)::int8",
                                       &PGEXEC_NO_ARGS, &at_us, why);
    (void)snprintf(dedup, sizeof dedup, "log_stale:%" PRId32 ":%s:%" PRId64, log_id, rule, at_us);
    if (code == ERR_OK)
        code = logalert_raise(conn, log_id, &finding, dedup, &alert, why);
    pgexec_int(&args, log_id);
    pgexec_text(&args, rule);
    pgexec_int(&args, alert);
    if (code == ERR_OK)
        code = pgexec_do(conn,
                         "INSERT INTO log_incident (log, rule, since, alert) VALUES ($1, $2, now(), $3)"
                         " ON CONFLICT DO NOTHING",
                         &args, NULL, why);
    return code;
}

/* Between two looks: the log had a head of merge_size entries, signed at merge_at, and what stands behind it
 * was not in that tree. A longer stretch than $1 is what was caught up with after an outage, and is passed
 * over; so is what another range reads. */
static const char merged_sql[] =
    "SELECT l.id, l.name, coalesce(l.mmd_s, 86400), l.merge_size, l.merge_at, h.size, h.timestamp,"
    "  coalesce(l.merge_size >= r.range_begin AND h.size - l.merge_size <= $1, false)"
    " FROM log AS l JOIN log_range AS r ON r.log = l.id AND r.range_end IS NULL"
    " CROSS JOIN LATERAL (SELECT size, timestamp FROM log_head AS h WHERE h.log = l.id AND h.size <= r.next"
    "  ORDER BY size DESC, timestamp DESC LIMIT 1) AS h"
    " WHERE " GOES_ON " AND (l.merge_size IS NULL OR h.size > l.merge_size) ORDER BY l.id";

struct merged {
    struct db_stale_late log;
    int64_t begin; /* entries looked at: [begin, end) */
    int64_t end;
    int64_t head_ms; /* the tree of `begin` entries was signed then, */
    int64_t next_ms; /* that of `end` entries then */
    bool known;
    uint64_t late;
};

/* Of one tile. What could not be read may have any time, and counts for nothing. */
static void merged_tile(struct merged *merged, int64_t first, struct span info)
{
    for (int64_t i = 0; (size_t)(i + 1) * FACTS_INFO_BYTES <= info.len; i++) {
        const uint8_t *at = info.at + i * FACTS_INFO_BYTES;
        int64_t stamp_ms = 0;
        if (first + i < merged->begin || first + i >= merged->end || !facts_form_readable(at[6]))
            continue;
        for (int k = 0; k < 6; k++)
            stamp_ms = stamp_ms << 8 | at[k];
        int64_t waited_s = (merged->head_ms - stamp_ms) / 1000;
        if (waited_s > merged->log.delay_s)
            merged->log.delay_s = waited_s < INT32_MAX ? waited_s : INT32_MAX;
        merged->late += waited_s > merged->log.mmd_s;
    }
}

static enum err_code merged_read(struct pgconn *conn, struct merged *merged, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_int(&args, merged->log.id);
    pgexec_int(&args, merged->begin / 256);
    pgexec_int(&args, (merged->end - 1) / 256);
    enum err_code code =
        pgexec_run(conn, "SELECT first_index, info FROM log_tile WHERE log = $1 AND tile BETWEEN $2 AND $3",
                   &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int i = 0; i < PQntuples(res); i++)
        merged_tile(merged, pgexec_get_int(res, i, 0), pgexec_get_bytes(res, i, 1));
    PQclear(res);
    return ERR_OK;
}

static enum err_code merged_keep(struct pgconn *conn, struct merged *merged, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_int(&args, merged->log.id);
    pgexec_int(&args, merged->end);
    pgexec_time(&args, merged->next_ms);
    pgexec_int(&args, (int64_t)merged->late);
    pgexec_int(&args, merged->log.delay_s);
    enum err_code code =
        pgexec_run(conn,
                   "UPDATE log SET merge_size = $2, merge_at = $3, mmd_exceeded = mmd_exceeded + $4,"
                   " merge_delay_s = greatest(merge_delay_s, $5::int4) WHERE id = $1"
                   " RETURNING mmd_exceeded, merge_delay_s",
                   &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1) {
        merged->log.count = (uint64_t)pgexec_get_int(res, 0, 0);
        merged->log.delay_s = pgexec_get_int(res, 0, 1);
    }
    PQclear(res);
    return ERR_OK;
}

static enum err_code merged_one(struct pgconn *conn, const PGresult *res, int row, struct merged *merged,
                                struct err *why)
{
    *merged = (struct merged){
        .log = {.id = (int32_t)pgexec_get_int(res, row, 0), .mmd_s = pgexec_get_int(res, row, 2)},
        .begin = pgexec_get_int(res, row, 3),
        .head_ms = pgexec_get_time(res, row, 4),
        .end = pgexec_get_int(res, row, 5),
        .next_ms = pgexec_get_time(res, row, 6),
        .known = pgexec_get_bool(res, row, 7),
    };
    (void)snprintf(merged->log.name, sizeof merged->log.name, "%s", pgexec_get_text(res, row, 1));
    enum err_code code = merged->known ? merged_read(conn, merged, why) : ERR_OK;
    return code == ERR_OK ? merged_keep(conn, merged, why) : code;
}

enum err_code db_stale_merged(struct pgconn *conn,
                              enum err_code (*late)(void *arg, const struct db_stale_late *log,
                                                    struct err *why),
                              void *arg, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_int(&args, LIMIT_MERGE_ENTRIES);
    enum err_code code = pgexec_run(conn, merged_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int i = 0; i < PQntuples(res) && code == ERR_OK; i++) {
        struct merged merged;
        code = merged_one(conn, res, i, &merged, why);
        if (code == ERR_OK && merged.late > 0)
            code = late(arg, &merged.log, why);
    }
    PQclear(res);
    return code;
}

enum err_code db_stale_late(struct pgconn *conn, int32_t log_id, const char *expected, const char *found,
                            struct err *why)
{
    char dedup[DEDUP_BYTES];
    struct alert_finding finding = {
        .kind = ALERT_KIND_LOG_STALE,
        .severity = alert_kind_severity(ALERT_KIND_LOG_STALE),
        .rule = "merge_delay",
        .expected = span_str(expected),
        .found = span_str(found),
    };
    (void)snprintf(dedup, sizeof dedup, "log_stale:%" PRId32 ":merge_delay", log_id);
    return logalert_raise(conn, log_id, &finding, dedup, NULL, why);
}

/* $1: why. What a person is still to be told is not true any more. */
#define CLOSE(which)                                                                                         \
    "WITH over AS (DELETE FROM log_incident AS i WHERE " which " RETURNING i.alert),"                        \
    " shut AS (UPDATE alert AS a SET state = 'closed', reason = $1, history = alert_history(a)"              \
    "  FROM over WHERE a.id = over.alert AND a.state <> 'closed' RETURNING a.id)"                            \
    " UPDATE outbox AS o SET state = 'withdrawn' FROM shut WHERE o.alert = shut.id AND o.state = 'pending'"

enum err_code db_stale_close(struct pgconn *conn, int32_t log_id, const char *reason, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, reason);
    pgexec_int(&args, log_id);
    return pgexec_do(conn, CLOSE("i.log = $2::int2"), &args, NULL, why);
}

enum err_code db_stale_end(struct pgconn *conn, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_text(&args, "the log is not expected to go on any more");
    enum err_code code = pgexec_do(
        conn, CLOSE("i.log <> 0 AND NOT EXISTS (SELECT FROM log AS l WHERE l.id = i.log AND " GOES_ON ")"),
        &args, NULL, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

enum err_code db_stale_count(struct pgconn *conn, int64_t *count, struct err *why)
{
    return pgexec_number(conn, "SELECT count(*) FROM log_incident", &PGEXEC_NO_ARGS, count, why);
}

void db_stale_drop(struct pgconn *conn)
{
    pgexec_rollback(conn);
}
