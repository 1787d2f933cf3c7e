#include "db/store_gap.h"

#include "db/logalert.h"
#include "db/patience.h"
#include "db/store_range.h"

#define LOCK_CLASS "1668707171" /* "cvgc": an advisory lock of our own kind */
#define GAPS_MAX   64           /* turned into ranges at one go; the others at the next */
#define CUT_MAKES  2            /* ranges more than before: what lies in front, and the gap */

/* Goes on with the gap that ends where this one begins, if it is of the same range. */
static const char grow_sql[] =
    "UPDATE log_gap SET range_end = $4, end_frontier = $5, updated_at = now()"
    " WHERE log = $1::int2 AND reason = 'disk' AND range_end = $3 AND range_begin >= $2";

static const char add_sql[] =
    "INSERT INTO log_gap (log, range_begin, range_end, begin_frontier, end_frontier, reason, matched, alert)"
    " VALUES ($1::int2, $2, $3, $5, $4, 'disk', true, $6)";

static struct span bytes_of(const struct compact *compact, uint64_t size, uint8_t room[COMPACT_BYTES_MAX])
{
    if (compact == NULL || compact->size != size)
        return SPAN_NONE;
    return span_of(room, compact_store(compact, room));
}

/* One alert as long as there is any gap. Writers that meet here wait for each other. */
static enum err_code alert_id(struct pgstore *pg, const struct store_settle *settle, int64_t *alert,
                              struct err *why)
{
    struct alert_finding finding = {
        .kind = ALERT_KIND_COVERAGE_GAP,
        .severity = alert_kind_severity(ALERT_KIND_COVERAGE_GAP),
        .rule = "disk",
        .expected = SPAN_LIT("room for what logs send (db.disk_guard_percent)"),
        .found = SPAN_LIT(
            "certificates are matched and alerted on, and not stored; view coverage, state not_stored"),
    };
    char dedup[96];
    int64_t at_us = 0;
    enum err_code code =
        pgexec_do(pg->conn, "SELECT pg_advisory_xact_lock(" LOCK_CLASS ", 1)", &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = pgexec_number(pg->conn, "SELECT coalesce(max(alert), 0) FROM log_gap WHERE reason = 'disk'",
                             &PGEXEC_NO_ARGS, alert, why);
    if (code != ERR_OK || *alert != 0)
        return code;
    code = pgexec_number(pg->conn, "SELECT (extract(epoch FROM now()) * 1000000)::int8", &PGEXEC_NO_ARGS,
                         &at_us, why);
    (void)snprintf(dedup, sizeof dedup, "coverage_gap:disk:%" PRId64, at_us);
    if (code == ERR_OK)
        code = logalert_raise(pg->conn, settle->range->log_id, &finding, dedup, alert, why);
    return code;
}

enum err_code store_gap_add(struct pgstore *pg, const struct store_settle *settle, struct err *why)
{
    const struct store_range *range = settle->range;
    uint8_t begin[COMPACT_BYTES_MAX];
    uint8_t end[COMPACT_BYTES_MAX];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t grown = 0;
    int64_t alert = 0;
    if (settle->next == range->next)
        return ERR_OK;
    pgexec_int(&args, range->log_id);
    pgexec_int(&args, (int64_t)range->begin);
    pgexec_int(&args, (int64_t)range->next);
    pgexec_int(&args, (int64_t)settle->next);
    pgexec_bytes(&args, bytes_of(settle->frontier, settle->next, end));
    enum err_code code = pgexec_do(pg->conn, grow_sql, &args, &grown, why);
    if (code == ERR_OK && grown == 0)
        code = alert_id(pg, settle, &alert, why);
    if (code != ERR_OK || grown != 0)
        return code;
    args = PGEXEC_NO_ARGS;
    pgexec_int(&args, range->log_id);
    pgexec_int(&args, (int64_t)range->next);
    pgexec_int(&args, (int64_t)settle->next);
    pgexec_bytes(&args, bytes_of(settle->frontier, settle->next, end));
    pgexec_bytes(&args, bytes_of(&range->frontier, range->next, begin));
    pgexec_int(&args, alert);
    return pgexec_do(pg->conn, add_sql, &args, NULL, why);
}

/* Reading again ------------------------------------------------------------------------------------------ */

/* The next gap of the log that lies within what was read of one range, both locked, and nobody else's. Not
 * one that a signed head has not been compared with yet, unless nothing can be: the frontier behind it is
 * proven with that head. What a log that contradicts itself keeps from being compared is read again all the
 * same; nothing that was computed of it goes on to the parts. */
static const char next_sql[] =
    "SELECT g.id, r.id, r.range_begin < g.range_begin, r.range_end = g.range_end, r.verified >= g.range_end,"
    " r.range_begin, r.begin_frontier, r.verified, r.verified_frontier,"
    " r.verified < g.range_end AND r.frontier IS NOT NULL"
    " FROM log_gap AS g JOIN log_range AS r ON r.log = g.log AND r.range_begin <= g.range_begin"
    " AND r.next >= g.range_end AND (r.verified >= g.range_end OR r.frontier IS NULL"
    "  OR EXISTS (SELECT FROM evidence_open AS e WHERE e.log = g.log AND e.kind IN ('root_mismatch', "
    "'bad_tile')"
    "   AND e.range_begin < g.range_end AND e.range_end > r.verified))"
    " WHERE g.log = $1::int2 AND g.reason IN ('disk', 'damaged') ORDER BY g.range_begin LIMIT 1 FOR UPDATE "
    "SKIP LOCKED";

/* $1 range, $2 gap. What lies behind the gap stays with the row, and so does a range that ends with the gap.
 * A signed head above the gap proved the frontiers on both of its edges. */
static const char cut_sql[] =
    "UPDATE log_range AS r SET epoch = r.epoch + 1, updated_at = now(), range_begin = g.range_end,"
    " frontier = CASE WHEN r.verified >= g.range_end THEN r.frontier END,"
    " begin_frontier = CASE WHEN r.verified >= g.range_end THEN g.end_frontier END,"
    " verified = greatest(r.verified, g.range_end),"
    " verified_frontier = CASE WHEN r.verified >= g.range_end THEN r.verified_frontier END"
    " FROM log_gap AS g WHERE r.id = $1 AND g.id = $2";
static const char whole_sql[] =
    "UPDATE log_range AS r SET epoch = r.epoch + 1, updated_at = now(), range_begin = g.range_begin,"
    " next = g.range_begin, verified = g.range_begin,"
    " frontier = CASE WHEN r.verified >= g.range_end OR r.frontier IS NULL THEN g.begin_frontier END,"
    " begin_frontier = CASE WHEN r.verified >= g.range_end THEN g.begin_frontier END,"
    " verified_frontier = CASE WHEN r.verified >= g.range_end OR r.frontier IS NULL THEN g.begin_frontier END"
    " FROM log_gap AS g WHERE r.id = $1 AND g.id = $2";
/* $1 where the range began, $2 gap, $3 the frontier it began with, $4 how far it was verified, $5 the
 * frontier there. What lies in front is read, and verified as far as it was. */
static const char front_sql[] =
    "INSERT INTO log_range (log, range_begin, range_end, next, frontier, begin_frontier, verified, "
    "verified_frontier)"
    " SELECT log, $1, range_begin, range_begin, begin_frontier, $3,"
    " CASE WHEN $4 < range_begin THEN $4 WHEN begin_frontier IS NULL THEN $1 ELSE range_begin END,"
    " CASE WHEN $4 < range_begin THEN $5 ELSE begin_frontier END FROM log_gap WHERE id = $2";
/* $1 gap, $2: is its frontier proven? $3: may it be wrong? */
static const char gap_sql[] =
    "INSERT INTO log_range (log, range_begin, range_end, next, verified, frontier, verified_frontier,"
    " begin_frontier)"
    " SELECT log, range_begin, range_end, range_begin, range_begin, CASE WHEN NOT $3 THEN begin_frontier END,"
    " CASE WHEN NOT $3 THEN begin_frontier END, CASE WHEN $2 THEN begin_frontier END FROM log_gap"
    " WHERE id = $1";
/* What nobody has been told yet is not true any more. */
static const char done_sql[] =
    "WITH gone AS (DELETE FROM log_gap WHERE id = $1 RETURNING id, alert, reason),"
    " shut AS (UPDATE alert AS a SET state = 'closed', history = alert_history(a),"
    "  reason = CASE o.reason WHEN 'disk' THEN 'there is room again, and what was not stored is read again'"
    "   ELSE 'what was damaged is read again' END"
    "  FROM gone AS o WHERE a.id = o.alert AND a.state <> 'closed'"
    "  AND NOT EXISTS (SELECT FROM log_gap AS g WHERE g.alert = o.alert AND g.id <> o.id) RETURNING a.id)"
    " UPDATE outbox AS o SET state = 'withdrawn' FROM shut WHERE o.alert = shut.id AND o.state = 'pending'";

struct gap {
    int64_t id;
    int64_t range_id;
    bool has_front;
    bool at_end;
    bool proven;
    bool doubted;  /* what was computed of the range does not fit */
    int64_t begin; /* of the range, */
    uint8_t begin_room[COMPACT_BYTES_MAX];
    struct span begin_frontier; /* and the frontier there; absent: not known */
    int64_t verified;           /* of the range, */
    uint8_t verified_room[COMPACT_BYTES_MAX];
    struct span verified_frontier; /* the same */
};

static struct span kept(const PGresult *res, int col, uint8_t room[COMPACT_BYTES_MAX])
{
    struct span frontier = pgexec_get_bytes(res, 0, col);
    if (pgexec_is_null(res, 0, col) || frontier.len > COMPACT_BYTES_MAX)
        return SPAN_NONE;
    memcpy(room, frontier.at, frontier.len);
    return span_of(room, frontier.len);
}

static enum err_code gap_next(struct pgstore *pg, int32_t log_id, struct gap *gap, bool *found,
                              struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_int(&args, log_id);
    enum err_code code = pgexec_run(pg->conn, next_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *found = PQntuples(res) == 1;
    if (*found) {
        gap->id = pgexec_get_int(res, 0, 0);
        gap->range_id = pgexec_get_int(res, 0, 1);
        gap->has_front = pgexec_get_bool(res, 0, 2);
        gap->at_end = !pgexec_is_null(res, 0, 3) && pgexec_get_bool(res, 0, 3);
        gap->proven = pgexec_get_bool(res, 0, 4);
        gap->begin = pgexec_get_int(res, 0, 5);
        gap->begin_frontier = kept(res, 6, gap->begin_room);
        gap->verified = pgexec_get_int(res, 0, 7);
        gap->verified_frontier = kept(res, 8, gap->verified_room);
        gap->doubted = pgexec_get_bool(res, 0, 9);
    }
    PQclear(res);
    return ERR_OK;
}

static enum err_code gap_cut(struct pgstore *pg, const struct gap *gap, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, gap->range_id);
    pgexec_int(&args, gap->id);
    enum err_code code = pgexec_do(pg->conn, gap->at_end ? whole_sql : cut_sql, &args, NULL, why);
    args = PGEXEC_NO_ARGS;
    pgexec_int(&args, gap->begin);
    pgexec_int(&args, gap->id);
    pgexec_bytes(&args, gap->begin_frontier);
    pgexec_int(&args, gap->verified);
    pgexec_bytes(&args, gap->verified_frontier);
    if (code == ERR_OK && gap->has_front)
        code = pgexec_do(pg->conn, front_sql, &args, NULL, why);
    args = PGEXEC_NO_ARGS;
    pgexec_int(&args, gap->id);
    pgexec_bool(&args, gap->proven);
    pgexec_bool(&args, gap->doubted);
    if (code == ERR_OK && !gap->at_end)
        code = pgexec_do(pg->conn, gap_sql, &args, NULL, why);
    args = PGEXEC_NO_ARGS;
    pgexec_int(&args, gap->id);
    return code == ERR_OK ? pgexec_do(pg->conn, done_sql, &args, NULL, why) : code;
}

static enum err_code gap_one(struct pgstore *pg, int32_t log_id, bool *found, struct err *why)
{
    struct gap gap = {0};
    bool room = false;
    *found = false;
    enum err_code code = patience_begin(pg->conn, why);
    if (code != ERR_OK)
        return code;
    /* The others wait in the ledger until some ranges have met. */
    code = store_range_room(pg, log_id, CUT_MAKES, &room, why);
    if (code == ERR_OK && room)
        code = gap_next(pg, log_id, &gap, found, why);
    if (code == ERR_OK && *found)
        code = gap_cut(pg, &gap, why);
    if (code == ERR_OK)
        return pgexec_commit(pg->conn, why);
    pgexec_rollback(pg->conn);
    return code;
}

enum err_code store_gap_reread(struct pgstore *pg, int32_t log_id, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t count = 0;
    pgexec_int(&args, log_id);
    enum err_code code = pgexec_number(
        pg->conn, "SELECT count(*) FROM log_gap WHERE log = $1::int2 AND reason IN ('disk', 'damaged')",
        &args, &count, why);
    bool found = count > 0;
    for (int i = 0; i < GAPS_MAX && code == ERR_OK && found; i++)
        code = gap_one(pg, log_id, &found, why);
    if (code != ERR_DB_CONFLICT)
        return code;
    /* Somebody is at it, or has stopped there: it waits in the ledger, and reading goes on. */
    err_clear(why);
    return ERR_OK;
}

/* Filled by a repair ------------------------------------------------------------------------------------- */

#define READ_AGAIN(from, to)                                                                                 \
    "(SELECT count(DISTINCT e.idx) FROM stage_entry AS e WHERE e.idx >= " from " AND e.idx < " to ") = " to  \
    " - " from

enum err_code store_gap_filled(struct pgstore *pg, const struct store_range *range, struct err *why)
{
    static const char trim_sql[] =
        "UPDATE log_gap AS g SET range_end = r.verified, end_frontier = r.verified_frontier, updated_at = "
        "now()"
        " FROM log_range AS r WHERE r.id = $1 AND g.log = r.log AND g.range_begin < r.verified"
        " AND g.range_end > r.verified AND " READ_AGAIN("r.verified", "g.range_end");
    static const char find_sql[] =
        "SELECT coalesce(min(g.id), 0) FROM log_gap AS g JOIN log_range AS r ON g.log = r.log"
        " WHERE r.id = $1 AND g.range_begin >= r.verified AND g.range_end <= r.next"
        " AND " READ_AGAIN("g.range_begin", "g.range_end");
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t id = 0;
    pgexec_int(&args, range->id);
    enum err_code code = pgexec_do(pg->conn, trim_sql, &args, NULL, why);
    while (code == ERR_OK) {
        code = pgexec_number(pg->conn, find_sql, &args, &id, why);
        if (code != ERR_OK || id == 0)
            break;
        struct pgexec_args gone = PGEXEC_NO_ARGS;
        pgexec_int(&gone, id);
        code = pgexec_do(pg->conn, done_sql, &gone, NULL, why);
    }
    return code;
}
