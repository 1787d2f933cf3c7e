#include "db/store_past.h"

#include "db/db_load.h"
#include "db/pgstore.h"

/* Once begun it goes on to the last entry: with few left the rest would wait for its partition all the same.
 */
static enum err_code look(const struct store_past *past, struct pgconn *conn, struct store_past_log *log,
                          struct err *why)
{
    static const char sql[] = "SELECT count(*) FROM log AS l CROSS JOIN LATERAL (SELECT coalesce(max(size), "
                              "0) AS size FROM log_head"
                              " WHERE log = l.id) AS h CROSS JOIN LATERAL (SELECT sum(greatest(0, "
                              "least(coalesce(r.range_end, h.size),"
                              " h.size) - r.next)) AS entries FROM log_range AS r WHERE r.log = l.id) AS n"
                              " WHERE l.id = $1::int8 AND l.interval_end < now() - $2::int8 * interval '1 "
                              "day' AND n.entries >= $3::int8";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t is = 0;
    pgexec_int(&args, log->log_id);
    pgexec_int(&args, past->days);
    pgexec_int(&args, log->load || past->entries == 0 ? 1 : (int64_t)past->entries);
    enum err_code code = pgexec_number(conn, sql, &args, &is, why);
    log->load = code == ERR_OK && is != 0;
    return code;
}

static enum err_code look_before(struct store_past *past, struct pgconn *conn, int64_t wall_ms,
                                 struct err *why)
{
    static const char sql[] =
        "SELECT coalesce(max(upper), '0001-01-01') FROM partition_leaf WHERE upper <= now()";
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code == ERR_OK) {
        past->before_ms = pgexec_get_time(res, 0, 0);
        past->looked_ms = wall_ms;
    }
    PQclear(res);
    return code;
}

static struct store_past_log *find(struct store_past *past, int32_t log_id)
{
    for (size_t i = 0; i < past->count; i++)
        if (past->logs[i].log_id == log_id)
            return &past->logs[i];
    if (past->count == countof(past->logs))
        past->count = 0; /* logs come and go; whoever is asked for is looked up again */
    struct store_past_log *log = &past->logs[past->count++];
    *log = (struct store_past_log){.log_id = log_id, .looked_ms = INT64_MIN};
    return log;
}

static bool is_due(int64_t looked_ms, int64_t wall_ms)
{
    return looked_ms == INT64_MIN || wall_ms < looked_ms || wall_ms - looked_ms >= LIMIT_PAST_LOOK_MS;
}

/* By the clock on the wall, so that all writers let go at the same time. */
static bool is_break(int64_t wall_ms)
{
    return wall_ms % LIMIT_PAST_SEAL_MS < LIMIT_PAST_BREAK_MS;
}

/* Who puts rows into partitions may have been at something else for as long as the break was. Then it goes on
 * until it has begun: what waits is in a slot of before. */
static enum err_code is_overdue(struct pgconn *conn, int64_t wall_ms, bool *is, struct err *why)
{
    static const char sql[] = "SELECT count(*) FROM load_state AS s WHERE s.since < $1::timestamptz"
                              " AND EXISTS (SELECT FROM load_place AS p WHERE p.slot = s.slot)";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t count = 0;
    pgexec_time(&args, wall_ms - wall_ms % LIMIT_PAST_SEAL_MS);
    enum err_code code = pgexec_number(conn, sql, &args, &count, why);
    *is = count != 0;
    return code;
}

static enum err_code hold(struct store_past *past, struct pgconn *conn, int64_t wall_ms, struct err *why)
{
    bool overdue = false;
    past->put_ms = wall_ms;
    if (past->held || is_break(wall_ms) || !is_due(past->asked_ms, wall_ms))
        return ERR_OK;
    enum err_code code = is_overdue(conn, wall_ms, &overdue, why);
    if (code == ERR_OK && !overdue)
        code = db_load_hold(conn, why);
    past->held = code == ERR_OK && !overdue;
    past->asked_ms = overdue ? wall_ms : INT64_MIN;
    return code;
}

enum err_code store_past_choose(struct store_past *past, struct pgconn *conn, int32_t log_id, int64_t wall_ms,
                                int64_t *before_ms, struct err *why)
{
    enum err_code code = ERR_OK;
    *before_ms = PGSTORE_LOAD_NOTHING;
    if (past->days == 0 || conn->spread) /* rows go to their shards at once */
        return ERR_OK;
    struct store_past_log *log = find(past, log_id);
    if (is_due(log->looked_ms, wall_ms)) {
        code = look(past, conn, log, why);
        log->looked_ms = code == ERR_OK ? wall_ms : INT64_MIN;
    }
    if (code == ERR_OK && log->load && is_due(past->looked_ms, wall_ms))
        code = look_before(past, conn, wall_ms, why);
    if (code == ERR_OK && log->load)
        code = hold(past, conn, wall_ms, why);
    if (code == ERR_OK && log->load)
        *before_ms = past->before_ms;
    return code;
}

void store_past_rest(struct store_past *past, struct pgconn *conn, int64_t wall_ms)
{
    bool idle = wall_ms < past->put_ms || wall_ms - past->put_ms >= LIMIT_PAST_IDLE_MS;
    if (past->held && (idle || is_break(wall_ms)) && db_load_let(conn, NULL) == ERR_OK)
        past->held = false;
}
