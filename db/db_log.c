#include "db/db_log.h"

#include <stdio.h>
#include <stdlib.h>

#include "db/logrow.h"

static void put_log(struct pgexec_args *args, const struct ctlog *log)
{
    pgexec_text(args, log->name);
    pgexec_text(args, ctlog_protocol_name(log->protocol));
    pgexec_text(args, log->url);
    pgexec_text(args, log->submission_url);
    pgexec_text(args, log->origin);
    pgexec_bytes(args, span_of(log->log_id, sizeof log->log_id));
    pgexec_bytes(args, span_of(log->key, log->key_len));
    pgexec_text(args, log->operator_key);
}

/* A log of that name is there. One that was removed and is the same log by key and protocol is followed again
 * from where it stopped; what it contradicted itself with is not forgotten by that. */
static enum err_code take_up_again(struct pgconn *conn, struct ctlog *log, struct err *why)
{
    PGresult *res;
    struct pgexec_args args = {0};
    put_log(&args, log);
    enum err_code code = pgexec_run(
        conn,
        "UPDATE log AS l SET state = CASE WHEN EXISTS (SELECT FROM evidence_open AS e WHERE e.log = l.id AND "
        "e.kind <> 'unproven_head') "
        "THEN 'inconsistent' ELSE 'active' END, url = $3, "
        "submission_url = $4, origin = $5, operator_key = $8,"
        " last_error = '', listed = false, followed = true, unfollowed = '', ended = '', final_error = ''"
        " WHERE name = $1 AND state = 'removed' AND protocol = $2 AND log_id = $6 AND key = $7"
        " RETURNING id",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1)
        log->id = (int32_t)pgexec_get_int(res, 0, 0);
    else
        code = err_set(why, ERR_EXISTS, "log %s: a log of that name is there already", log->name);
    PQclear(res);
    return code;
}

static enum err_code add(struct pgconn *conn, struct ctlog *log, const char *from_spec, struct err *why)
{
    PGresult *res;
    struct pgexec_args args = {0};
    put_log(&args, log);
    pgexec_text(&args, from_spec);
    enum err_code code = pgexec_run(
        conn,
        "INSERT INTO log (name, protocol, url, submission_url, origin, log_id, key, operator_key, from_spec)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (name) DO NOTHING RETURNING id",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    bool added = PQntuples(res) == 1;
    if (added)
        log->id = (int32_t)pgexec_get_int(res, 0, 0);
    PQclear(res);
    return added ? ERR_OK : take_up_again(conn, log, why);
}

enum err_code db_log_add(struct pgconn *conn, struct ctlog *log, const char *from_spec, uint64_t begin,
                         struct err *why)
{
    static const uint8_t empty_tree[8];
    struct pgexec_args args = {0};
    if (begin > INT64_MAX)
        return err_set(why, ERR_USAGE, "log %s: it can not begin at %" PRIu64, log->name, begin);
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = add(conn, log, from_spec, why);
    if (code == ERR_OK) {
        /* The frontier of a tree that is joined late is found when its first entries are read. */
        struct span frontier = begin == 0 ? span_of(empty_tree, sizeof empty_tree) : SPAN_NONE;
        pgexec_int(&args, log->id);
        pgexec_int(&args, (int64_t)begin);
        pgexec_bytes(&args, frontier);
        code =
            pgexec_do(conn,
                      "INSERT INTO log_range (log, range_begin, next, verified, frontier, verified_frontier)"
                      " SELECT $1::int2, $2, $2, $2, $3, $3"
                      " WHERE NOT EXISTS (SELECT FROM log_range WHERE log = $1::int2)",
                      &args, NULL, why);
    }
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

enum err_code db_log_remove(struct pgconn *conn, const char *name, struct err *why)
{
    struct pgexec_args args = {0};
    uint64_t changed = 0;
    pgexec_text(&args, name);
    enum err_code code =
        pgexec_do(conn, "UPDATE log SET state = 'removed' WHERE name = $1 AND state <> 'removed'", &args,
                  &changed, why);
    if (code == ERR_OK && changed == 0)
        code = err_set(why, ERR_NOT_FOUND,
                       "log %s: there is none of that name; `ctvigil log list` shows them", name);
    return code;
}

enum err_code db_log_load(struct pgconn *conn, struct ctlog **logs, size_t *count, struct err *why)
{
    PGresult *res;
    *logs = NULL;
    *count = 0;
    enum err_code code =
        pgexec_run(conn,
                   "SELECT " LOGROW_COLUMNS " FROM log"
                   " WHERE state <> 'removed' AND followed"
                   " AND EXISTS (SELECT FROM log_range AS r WHERE r.log = log.id) ORDER BY id",
                   &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    size_t rows = (size_t)PQntuples(res);
    *logs = calloc(rows + 1, sizeof **logs);
    if (*logs == NULL) {
        PQclear(res);
        return err_set(why, ERR_MEMORY, "logs: no memory for %zu", rows);
    }
    for (size_t i = 0; code == ERR_OK && i < rows; i++) {
        if (!logrow_get(res, (int)i, &(*logs)[i]))
            code = err_set(why, ERR_DB, "log %s: its row can not be read", pgexec_get_text(res, (int)i, 1));
    }
    PQclear(res);
    if (code != ERR_OK) {
        free(*logs);
        *logs = NULL;
        return code;
    }
    *count = rows;
    return ERR_OK;
}

static const char status_sql[] =
    "SELECT l.id, l.name, CASE WHEN l.tiles AND l.protocol = 'rfc6962' THEN 'hybrid' ELSE l.protocol END, "
    "l.url, l.state, l.last_error, l.from_spec, l.last_contact,"
    "  h.size, h.timestamp, m.n, e.sentence, e.path,"
    "  l.listed, l.operator, l.description, l.list_state, l.list_state_at, l.left_at, l.mmd_s,"
    "  l.interval_begin, l.interval_end, l.final_size, l.final_root, l.followed, l.unfollowed, l.ended,"
    "  l.ended_at, l.added_at, p.seconds, p.entries, p.growth, l.final_error,"
    "  h.timestamp_ms, h.seen_at, h.seen_last, c.size, u.n, l.mmd_exceeded, l.merge_delay_s,"
    "  (SELECT coalesce(sum(g.range_end - g.range_begin), 0)::int8 FROM log_gap AS g WHERE g.log = l.id),"
    "  coalesce((SELECT d.size FROM log_head AS d WHERE d.log = l.id AND d.seen_at <= now() - $1 * interval "
    "'1 s'"
    "            ORDER BY d.size DESC LIMIT 1), 0),"
    "  EXISTS (SELECT FROM load_place AS d WHERE d.log = l.id)"
    " FROM log AS l"
    " LEFT JOIN LATERAL (SELECT x.sentence || CASE WHEN l.accounts_over = 0 THEN '' ELSE"
    "  format('; %s more of it were counted and not kept', l.accounts_over) END AS sentence, x.path"
    "  FROM evidence AS x LEFT JOIN evidence_open AS o ON o.id = x.id"
    "  WHERE x.log = l.id AND l.state = 'inconsistent'"
    "  ORDER BY o.id IS NULL, evidence_rank(x.kind), x.id DESC LIMIT 1) AS e ON true"
    " LEFT JOIN LATERAL (SELECT size, timestamp, timestamp_ms, seen_at, seen_last FROM log_head WHERE log = "
    "l.id"
    "                    ORDER BY size DESC, timestamp DESC LIMIT 1) AS h ON true"
    " LEFT JOIN LATERAL (SELECT extract(epoch FROM max(at) - min(at))::int8 AS seconds,"
    "                    max(position) - min(position) AS entries, max(head_size) - min(head_size) AS growth"
    "                    FROM log_pace WHERE log = l.id AND at > now() - interval '10 minutes') AS p ON true"
    " LEFT JOIN LATERAL (SELECT size FROM log_head WHERE log = l.id"
    "                    ORDER BY seen_last DESC, size DESC LIMIT 1) AS c ON true"
    " CROSS JOIN LATERAL (SELECT count(*) AS n FROM log_claim AS a WHERE a.log = l.id"
    "  AND a.size < (SELECT max(verified) FROM log_range AS r WHERE r.log = l.id)) AS u"
    " CROSS JOIN LATERAL (SELECT count(*) AS n FROM malformed WHERE log = l.id) AS m"
    " WHERE l.state <> 'removed' ORDER BY l.name";

static const char ranges_sql[] = "SELECT r.log, r.range_begin, r.range_end, r.next, r.verified FROM "
                                 "log_range AS r JOIN log AS l ON l.id = r.log"
                                 " WHERE l.state <> 'removed' ORDER BY r.log, r.range_begin";

static void get_listed(const PGresult *res, int row, struct db_log_status *status)
{
    struct span root = pgexec_get_bytes(res, row, 23);
    status->listed = pgexec_get_bool(res, row, 13);
    (void)snprintf(status->operator_name, sizeof status->operator_name, "%s", pgexec_get_text(res, row, 14));
    (void)snprintf(status->description, sizeof status->description, "%s", pgexec_get_text(res, row, 15));
    (void)snprintf(status->list_state, sizeof status->list_state, "%s", pgexec_get_text(res, row, 16));
    status->list_state_ms = pgexec_get_time(res, row, 17);
    status->left_ms = pgexec_get_time(res, row, 18);
    status->mmd_s = pgexec_get_int(res, row, 19);
    status->begin_ms = pgexec_get_time(res, row, 20);
    status->end_ms = pgexec_get_time(res, row, 21);
    status->has_final = root.len == sizeof status->final_root;
    status->final_size = (uint64_t)pgexec_get_int(res, row, 22);
    if (status->has_final)
        memcpy(status->final_root, root.at, root.len);
    status->followed = pgexec_get_bool(res, row, 24);
    (void)snprintf(status->unfollowed, sizeof status->unfollowed, "%s", pgexec_get_text(res, row, 25));
    (void)snprintf(status->ended, sizeof status->ended, "%s", pgexec_get_text(res, row, 26));
    status->ended_ms = pgexec_get_time(res, row, 27);
    status->added_ms = pgexec_get_time(res, row, 28);
    (void)snprintf(status->final_error, sizeof status->final_error, "%s", pgexec_get_text(res, row, 32));
}

static void get_pace(const PGresult *res, int row, struct db_log_status *status)
{
    int64_t seconds = pgexec_get_int(res, row, 29);
    status->has_rate = seconds > 0;
    if (!status->has_rate)
        return;
    status->rate = (double)pgexec_get_int(res, row, 30) / (double)seconds;
    status->growth = (double)pgexec_get_int(res, row, 31) / (double)seconds;
}

static void get_head(const PGresult *res, int row, struct db_log_status *status)
{
    status->head_size = (uint64_t)pgexec_get_int(res, row, 8);
    status->head_time_ms =
        pgexec_is_null(res, row, 33) ? pgexec_get_time(res, row, 9) : pgexec_get_int(res, row, 33);
    status->head_since_ms = pgexec_get_time(res, row, 34);
    status->head_seen_ms = pgexec_get_time(res, row, 35);
    status->served_size = (uint64_t)pgexec_get_int(res, row, 36);
    status->unproven = (uint64_t)pgexec_get_int(res, row, 37);
    status->mmd_exceeded = (uint64_t)pgexec_get_int(res, row, 38);
    status->merge_delay_s = pgexec_get_int(res, row, 39);
}

static void get_status(const PGresult *res, int row, struct db_log_status *status)
{
    *status = (struct db_log_status){.id = (int32_t)pgexec_get_int(res, row, 0)};
    (void)snprintf(status->name, sizeof status->name, "%s", pgexec_get_text(res, row, 1));
    (void)snprintf(status->protocol, sizeof status->protocol, "%s", pgexec_get_text(res, row, 2));
    (void)snprintf(status->url, sizeof status->url, "%s", pgexec_get_text(res, row, 3));
    (void)snprintf(status->state, sizeof status->state, "%s", pgexec_get_text(res, row, 4));
    (void)snprintf(status->last_error, sizeof status->last_error, "%s", pgexec_get_text(res, row, 5));
    (void)snprintf(status->from_spec, sizeof status->from_spec, "%s", pgexec_get_text(res, row, 6));
    status->last_contact_ms = pgexec_get_time(res, row, 7);
    get_head(res, row, status);
    status->malformed = (uint64_t)pgexec_get_int(res, row, 10);
    status->not_stored = (uint64_t)pgexec_get_int(res, row, 40);
    status->due_size = (uint64_t)pgexec_get_int(res, row, 41);
    status->put_down = pgexec_get_bool(res, row, 42);
    (void)snprintf(status->reason, sizeof status->reason, "%s", pgexec_get_text(res, row, 11));
    (void)snprintf(status->evidence, sizeof status->evidence, "%s", pgexec_get_text(res, row, 12));
    get_listed(res, row, status);
    get_pace(res, row, status);
}

/* What a range, the first or a later one, leaves of the entries below a head. */
static void unread(uint64_t head, const struct db_log_range *range, bool first, uint64_t *left)
{
    if (first && range->begin < head)
        *left = head - range->begin;
    if (range->begin < head)
        *left -= (range->next < head ? range->next : head) - range->begin;
}

/* Ranges come by begin: what touches or overlaps the contiguous part makes it longer. */
static void add_range(struct db_log_status *status, const struct db_log_range *range)
{
    bool first = status->range_count == 0;
    bool whole = first || status->verified_size == range->begin;
    if (first || range->begin <= status->position) {
        if (range->next > status->position)
            status->position = range->next;
    }
    /* `verified` equals `begin` as long as nothing is; a tree is verified from its first leaf on or not at
     * all, and what lies behind a part that is not waits for it. */
    if (whole && range->verified > range->begin)
        status->verified_size = range->verified;
    status->entries += range->next - range->begin;
    /* What no range covers is not read either. */
    unread(status->head_size, range, first, &status->backlog);
    unread(status->due_size, range, first, &status->overdue);
    if (status->range_count < DB_LOG_RANGES_MAX)
        status->ranges[status->range_count++] = *range;
}

static void add_ranges(const PGresult *res, struct db_log_status *status)
{
    for (int row = 0; row < PQntuples(res); row++) {
        if (pgexec_get_int(res, row, 0) != status->id)
            continue;
        struct db_log_range range = {
            .begin = (uint64_t)pgexec_get_int(res, row, 1),
            .end = pgexec_is_null(res, row, 2) ? UINT64_MAX : (uint64_t)pgexec_get_int(res, row, 2),
            .next = (uint64_t)pgexec_get_int(res, row, 3),
            .verified = (uint64_t)pgexec_get_int(res, row, 4),
        };
        add_range(status, &range);
    }
}

enum err_code db_log_pace(struct pgconn *conn, struct err *why)
{
    enum err_code code = pgexec_do(conn, "DELETE FROM log_pace WHERE at < now() - interval '15 minutes'",
                                   &PGEXEC_NO_ARGS, NULL, why);
    if (code != ERR_OK)
        return code;
    return pgexec_do(
        conn,
        "INSERT INTO log_pace (log, at, position, head_size) SELECT l.id, now(),"
        "  (SELECT min(range_begin) + sum(next - range_begin) FROM log_range AS r WHERE r.log = l.id),"
        "  coalesce((SELECT max(size) FROM log_head AS h WHERE h.log = l.id), 0)"
        " FROM log AS l WHERE l.state <> 'removed' AND l.followed"
        " AND EXISTS (SELECT FROM log_range AS r WHERE r.log = l.id)"
        " AND NOT EXISTS (SELECT FROM log_pace AS p WHERE p.log = l.id AND p.at > now() - "
        "interval '9 seconds')"
        " ON CONFLICT DO NOTHING",
        &PGEXEC_NO_ARGS, NULL, why);
}

enum err_code db_log_status(struct pgconn *conn, struct db_log_status **rows, size_t *count, struct err *why)
{
    PGresult *res = NULL;
    PGresult *ranges = NULL;
    *rows = NULL;
    *count = 0;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, LIMIT_HEAD_DUE_S);
    enum err_code code = pgexec_run(conn, status_sql, &args, &res, why);
    if (code == ERR_OK)
        code = pgexec_run(conn, ranges_sql, &PGEXEC_NO_ARGS, &ranges, why);
    if (code != ERR_OK)
        goto out;
    size_t found = (size_t)PQntuples(res);
    *rows = calloc(found + 1, sizeof **rows);
    if (*rows == NULL) {
        code = err_set(why, ERR_MEMORY, "logs: no memory for %zu", found);
        goto out;
    }
    for (size_t i = 0; i < found; i++) {
        get_status(res, (int)i, &(*rows)[i]);
        add_ranges(ranges, &(*rows)[i]);
    }
    *count = found;
out:
    PQclear(res);
    PQclear(ranges);
    return code;
}

enum err_code db_log_next(struct pgconn *conn, const struct ctlog *log, uint64_t *next, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t at = 0;
    pgexec_int(&args, log->id);
    enum err_code code = pgexec_number(
        conn, "SELECT next FROM log_range WHERE log = $1 ORDER BY range_begin DESC LIMIT 1", &args, &at, why);
    *next = (uint64_t)at;
    return code;
}
