#include "db/db_stale.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
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

/* Between two looks a log has a head of merge_size entries, signed at merge_at: what stands behind it was not
 * in that tree. Only final certificates and precertificates: of others the time may be anything. A stretch
 * longer than $1 is what was caught up with after an outage, and is passed over; so is what another range
 * reads. */
static const char merged_sql[] =
    "WITH now_at AS (SELECT l.id, l.merge_size, l.merge_at, coalesce(l.mmd_s, 86400) AS mmd, r.range_begin,"
    "  h.size, h.timestamp FROM log AS l"
    "  JOIN log_range AS r ON r.log = l.id AND r.range_end IS NULL"
    "  CROSS JOIN LATERAL (SELECT size, timestamp FROM log_head AS h WHERE h.log = l.id AND h.size <= r.next"
    "   ORDER BY size DESC, timestamp DESC LIMIT 1) AS h"
    "  WHERE " GOES_ON " AND (l.merge_size IS NULL OR h.size > l.merge_size)),"
    " waited AS (SELECT n.id, extract(epoch FROM n.merge_at - e.at)::int8 AS seconds, n.mmd FROM now_at AS n"
    "  JOIN log_tile AS t ON t.log = n.id AND t.tile BETWEEN n.merge_size / 256 AND (n.size - 1) / 256"
    "  CROSS JOIN LATERAL generate_series(greatest(n.merge_size, t.first_index),"
    "   least(n.size - 1, t.last_index)) AS i (idx)"
    "  CROSS JOIN LATERAL (SELECT (9 * (i.idx - t.first_index))::int4 AS place) AS p"
    "  CROSS JOIN LATERAL (SELECT timestamptz 'epoch' + ('x' || encode(substring(t.info FROM p.place + 1 FOR "
    "6),"
    "   'hex'))::bit(48)::int8 * interval '1 ms' AS at) AS e"
    "  WHERE n.merge_size >= n.range_begin AND n.size - n.merge_size <= $1"
    "   AND get_byte(t.info, p.place + 6) < 2 AND e.at < n.merge_at),"
    " found AS (SELECT id, count(*) FILTER (WHERE seconds > mmd) AS late, max(seconds) AS most FROM waited"
    "  GROUP BY id)"
    " UPDATE log AS l SET merge_size = n.size, merge_at = n.timestamp,"
    "  mmd_exceeded = l.mmd_exceeded + coalesce(f.late, 0),"
    "  merge_delay_s = greatest(l.merge_delay_s, least(coalesce(f.most, 0), 2147483647)::int4)"
    " FROM now_at AS n LEFT JOIN found AS f ON f.id = n.id WHERE l.id = n.id"
    " RETURNING l.id, l.name, n.mmd, l.mmd_exceeded, l.merge_delay_s, coalesce(f.late, 0) > 0";

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
        struct db_stale_late log = {
            .id = (int32_t)pgexec_get_int(res, i, 0),
            .mmd_s = pgexec_get_int(res, i, 2),
            .count = (uint64_t)pgexec_get_int(res, i, 3),
            .delay_s = pgexec_get_int(res, i, 4),
        };
        (void)snprintf(log.name, sizeof log.name, "%s", pgexec_get_text(res, i, 1));
        if (pgexec_get_bool(res, i, 5))
            code = late(arg, &log, why);
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

void db_stale_drop(struct pgconn *conn)
{
    pgexec_rollback(conn);
}
