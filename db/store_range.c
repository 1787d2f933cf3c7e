#include "db/store_range.h"

#include "base/limits.h"
#include "db/meet.h"
#include "db/patience.h"
#include "db/store_log.h"
#include "db/store_write.h"

/* COMMIT of what may be tried again: an answer that was lost is one for the caller's next look at the ranges.
 */
static enum err_code finish(struct pgstore *pg, enum err_code code, struct err *why)
{
    if (code == ERR_OK)
        code = pgexec_commit(pg->conn, why);
    if (code != ERR_OK)
        pgexec_rollback(pg->conn);
    return code;
}

static enum err_code begin(struct pgstore *pg, struct err *why)
{
    enum err_code code = store_write_ready(pg, why);
    return code == ERR_OK ? patience_begin(pg->conn, why) : code;
}

enum err_code store_range_room(struct pgstore *pg, int32_t log_id, unsigned more, bool *room, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t count = 0;
    pgexec_int(&args, log_id);
    uint64_t locked = 0;
    enum err_code code = pgexec_do(pg->conn, "SELECT id FROM log WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED",
                                   &args, &locked, why);
    if (code == ERR_OK && locked != 0)
        code = pgexec_number(pg->conn, "SELECT count(*) FROM log_range WHERE log = $1", &args, &count, why);
    *room = code == ERR_OK && locked != 0 && count + more <= LIMIT_RANGES;
    return code;
}

static enum err_code cut_row(struct pgstore *pg, const struct store_range *range, uint64_t at, bool *cut,
                             struct err *why)
{
    /* The position may have moved since: what counts is that the rest is unread and the bounds are as known.
     */
    static const char sql[] =
        "WITH low AS (UPDATE log_range SET range_end = $3, epoch = epoch + 1, updated_at = now()"
        "  WHERE id = $1 AND epoch = $2 AND next < $3 RETURNING log)"
        " INSERT INTO log_range (log, range_begin, range_end, next, verified)"
        " SELECT log, $3, $4, $3, $3 FROM low";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t changed = 0;
    pgexec_int(&args, range->id);
    pgexec_int(&args, (int64_t)range->epoch);
    pgexec_int(&args, (int64_t)at);
    if (range->end == STORE_RANGE_OPEN)
        pgexec_null(&args);
    else
        pgexec_int(&args, (int64_t)range->end);
    enum err_code code = pgexec_do(pg->conn, sql, &args, &changed, why);
    *cut = code == ERR_OK && changed == 1;
    return code;
}

enum err_code store_range_split(struct store *store, const struct store_range *range, uint64_t at, bool *cut,
                                struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    bool room = false;
    *cut = false;
    must(at > range->begin && at < range->end);
    enum err_code code = begin(pg, why);
    if (code != ERR_OK)
        return code;
    code = store_range_room(pg, range->log_id, 1, &room, why);
    if (code == ERR_OK && room)
        code = cut_row(pg, range, at, cut, why);
    code = finish(pg, code, why);
    *cut = *cut && code == ERR_OK;
    return code;
}

/* One row under its lock; *found false: there is none. */
static enum err_code lock_row(struct pgstore *pg, const char *sql, const struct pgexec_args *args,
                              struct store_range *range, bool *found, struct err *why)
{
    PGresult *res;
    *found = false;
    enum err_code code = pgexec_run(pg->conn, sql, args, &res, why);
    if (code != ERR_OK)
        return code;
    *found = PQntuples(res) == 1;
    if (*found)
        code = store_log_load(res, 0, range, why);
    PQclear(res);
    return code;
}

/* The lower one first, always, so that nobody waits in a ring. */
static enum err_code lock_both(struct pgstore *pg, const struct store_range *range, struct store_range *lower,
                               struct store_range *upper, bool *both, struct err *why)
{
    static const char lower_sql[] =
        "SELECT " STORE_LOG_COLUMNS " FROM log_range WHERE id = $1 AND next = $2 AND epoch = $3 FOR UPDATE";
    static const char upper_sql[] =
        "SELECT " STORE_LOG_COLUMNS " FROM log_range WHERE log = $1 AND range_begin = $2 FOR UPDATE";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    bool found = false;
    *both = false;
    pgexec_int(&args, range->id);
    pgexec_int(&args, (int64_t)range->next);
    pgexec_int(&args, (int64_t)range->epoch);
    enum err_code code = lock_row(pg, lower_sql, &args, lower, &found, why);
    if (code == ERR_OK && !found)
        code = err_set(why, ERR_DB_CONFLICT, "database: another process moved range %" PRId64, range->id);
    if (code != ERR_OK || lower->end == STORE_RANGE_OPEN)
        return code;
    args = PGEXEC_NO_ARGS;
    pgexec_int(&args, lower->log_id);
    pgexec_int(&args, (int64_t)lower->end);
    return lock_row(pg, upper_sql, &args, upper, both, why);
}

static void put_compact(struct pgexec_args *args, const struct compact *compact, uint64_t size,
                        uint8_t room[COMPACT_BYTES_MAX])
{
    pgexec_bytes(args, compact->size == size ? span_of(room, compact_store(compact, room)) : SPAN_NONE);
}

static enum err_code join(struct pgstore *pg, const struct store_range *lower,
                          const struct store_range *upper, struct err *why)
{
    static const char sql[] =
        "UPDATE log_range SET range_begin = $2, epoch = epoch + 1, verified = $3, frontier = $4,"
        " verified_frontier = $5, begin_frontier = $6, updated_at = now() WHERE id = $1";
    uint8_t room[3][COMPACT_BYTES_MAX];
    struct store_range joined;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, lower->id);
    enum err_code code = pgexec_do(pg->conn, "DELETE FROM log_range WHERE id = $1", &args, NULL, why);
    if (code != ERR_OK)
        return code;
    meet_join(lower, upper, &joined);
    args = PGEXEC_NO_ARGS;
    pgexec_int(&args, upper->id);
    pgexec_int(&args, (int64_t)joined.begin);
    pgexec_int(&args, (int64_t)joined.verified);
    put_compact(&args, &joined.frontier, joined.next, room[0]);
    put_compact(&args, &joined.verified_frontier, joined.verified, room[1]);
    put_compact(&args, &joined.begin_frontier, joined.begin, room[2]);
    return pgexec_do(pg->conn, sql, &args, NULL, why);
}

static enum err_code lend(struct pgstore *pg, const struct store_range *lower,
                          const struct store_range *upper, struct err *why)
{
    uint8_t room[COMPACT_BYTES_MAX];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, upper->id);
    put_compact(&args, &lower->frontier, lower->end, room);
    return pgexec_do(pg->conn,
                     "UPDATE log_range SET verified_frontier = $2, epoch = epoch + 1, updated_at = now()"
                     " WHERE id = $1",
                     &args, NULL, why);
}

enum err_code store_range_meet(struct store *store, const struct store_range *range, bool blind,
                               enum store_meet *met, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    struct store_range lower = {.id = 0};
    struct store_range upper = {.id = 0};
    bool both = false;
    *met = STORE_MEET_APART;
    enum err_code code = begin(pg, why);
    if (code != ERR_OK)
        return code;
    code = lock_both(pg, range, &lower, &upper, &both, why);
    if (code == ERR_OK && both)
        *met = meet_judge(&lower, &upper, blind);
    if (code == ERR_OK && *met == STORE_MEET_JOINED)
        code = join(pg, &lower, &upper, why);
    if (code == ERR_OK && *met == STORE_MEET_LENT)
        code = lend(pg, &lower, &upper, why);
    return finish(pg, code, why);
}
