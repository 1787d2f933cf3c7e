#include "db/store_write.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "db/db_psl.h"
#include "db/migrate.h"
#include "db/patience.h"
#include "db/spread.h"
#include "db/store_der.h"
#include "db/store_incident.h"
#include "db/store_load.h"

#define RETRIES_ISSUER 3

static enum err_code take_locks_again(struct pgstore *pg, struct err *why)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < pg->held_count && code == ERR_OK; i++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        pgexec_int(&args, pg->held[i]);
        /* Whether it is given does not matter: the compare-and-set decides, and this only keeps others away.
         */
        code = pgexec_do(pg->conn, "SELECT pg_try_advisory_lock(" PGSTORE_LOCK_KEY ")", &args, NULL, why);
    }
    return code;
}

/* Has the server closed the connection meanwhile? First its farewell is read, then the end of the stream.
 * Without this look the caller would hear of it as a failure, which costs him a wait. */
static bool is_alive(const struct pgconn *conn)
{
    for (int i = 0; conn->pg != NULL && i < 2; i++) {
        if (PQstatus(conn->pg) != CONNECTION_OK || PQconsumeInput(conn->pg) != 1)
            return false;
    }
    return conn->pg != NULL && PQstatus(conn->pg) == CONNECTION_OK;
}

#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)

/* The rows of a commit are sorted and joined in memory. */
static const char memory_session[] = "SET work_mem = '" STRING_OF(LIMIT_WRITE_SORT_MB) "MB'";

enum err_code store_write_ready(struct pgstore *pg, struct err *why)
{
    enum err_code code = ERR_OK;
    bool alive = is_alive(pg->conn);
    if (!alive)
        code = pgconn_reopen(pg->conn, why);
    if (code == ERR_OK && alive && !pg->repair.open && !pg->guard.is_short)
        placemerge_stored(&pg->places, &pg->copy, pg->conn, 0, clock_mono_ms());
    if (code == ERR_OK && alive && !pg->repair.open)
        store_past_rest(&pg->past, pg->conn, clock_wall_ms());
    if (code != ERR_OK || pg->connects == pg->conn->connects)
        return code;
    issuer_ids_forget(pg->issuers);
    fpcache_forget(pg->known);
    store_der_forget(&pg->keep);
    pg->repair.open = false;
    pg->past.held = false;
    code = patience_session(pg->conn, why);
    if (code == ERR_OK)
        code = pgexec_script(pg->conn, memory_session, why);
    if (code == ERR_OK)
        code = pgexec_script(pg->conn, pgconn_wal_setup, why);
    if (code == ERR_OK)
        code = pgexec_script(pg->conn, stage_tables, why);
    if (code == ERR_OK)
        code = store_rows_session(&pg->rows, pg->conn, why);
    if (code == ERR_OK)
        code = spread_session(pg->conn, why);
    if (code == ERR_OK)
        code = take_locks_again(pg, why);
    if (code == ERR_OK)
        pg->connects = pg->conn->connects;
    return code;
}

enum err_code store_write_collect(struct pgstore *pg, struct batch *const *batches, size_t count,
                                  struct pgconn *outside, struct err *why)
{
    size_t missing = 0;
    enum err_code code = stage_collect(&pg->stage, batches, count, pg->issuers, &missing, why);
    /* Twice at most: when memory of issuers is full, resolving forgets those that were known before. */
    for (int i = 0; i < RETRIES_ISSUER && code == ERR_OK && missing != 0; i++) {
        code = stage_resolve(&pg->stage, pg->issuers, outside, why);
        if (code == ERR_OK)
            code = stage_collect(&pg->stage, batches, count, pg->issuers, &missing, why);
    }
    must(code != ERR_OK || missing == 0);
    return code;
}

/* Of stage_cert, stage_key and stage_ip, tables or not. The span grows by whole months, so that it is hardly
 * ever written, and every writer takes its locks in the same order. */
#define CERTS_SQL(order)                                                                                     \
    "ins AS (INSERT INTO cert (not_after, not_before, first_seen, apex8, idx, facts, issuer, log, "          \
    "tbs_fp,"                                                                                                \
    " serial, spki_sha256, names, cn, findings, others)"                                                     \
    " SELECT not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, serial, "            \
    "spki_sha256,"                                                                                           \
    " names, cn, findings, others FROM stage_cert WHERE not_after >= (SELECT horizon FROM "                  \
    "cert_removal)" order " ON CONFLICT DO NOTHING RETURNING tbs_fp, issuer, not_after, not_before),"        \
    " keys AS (INSERT INTO cert_apex (not_after, not_before, apex8, issuer, tbs_fp)"                         \
    " SELECT i.not_after, i.not_before, k.apex8, i.issuer, i.tbs_fp FROM ins AS i"                           \
    " JOIN stage_key AS k ON k.tbs_fp = i.tbs_fp AND k.issuer = i.issuer"                                    \
    " ORDER BY i.tbs_fp, i.issuer, k.apex8 ON CONFLICT DO NOTHING),"                                         \
    " ips AS (INSERT INTO cert_ip (not_after, not_before, issuer, tbs_fp, ip)"                               \
    " SELECT i.not_after, i.not_before, i.issuer, i.tbs_fp, p.ip FROM ins AS i"                              \
    " JOIN stage_ip AS p ON p.tbs_fp = i.tbs_fp AND p.issuer = i.issuer"                                     \
    " ORDER BY i.tbs_fp, i.issuer, p.ip ON CONFLICT DO NOTHING),"                                            \
    " roll AS (INSERT INTO issued (issuer, day, n)"                                                          \
    " SELECT issuer, (not_before AT TIME ZONE 'UTC')::date AS day, count(*) FROM ins"                        \
    " GROUP BY 1, 2 ORDER BY 1, 2 ON CONFLICT (issuer, day) DO UPDATE SET n = issued.n + excluded.n),"       \
    " span AS (UPDATE cert_span AS s SET lower = least(s.lower, x.lower), upper = greatest(s.upper, "        \
    "x.upper)"                                                                                               \
    " FROM (SELECT date_trunc('month', min(not_after), 'UTC') AS lower,"                                     \
    "  date_trunc('month', max(not_after), 'UTC') + interval '1 month' AS upper FROM ins) AS x"              \
    " WHERE x.lower < s.lower OR x.upper > s.upper)"                                                         \
    " SELECT count(*) FROM ins"

enum err_code store_write_certs(struct pgstore *pg, uint64_t *fresh, struct err *why)
{
    static const char sql[] = "WITH " CERTS_SQL(" ORDER BY tbs_fp, issuer");
    int64_t count = 0;
    enum err_code code =
        pgexec_number(pg->conn, pg->conn->spread ? spread_certs_sql : sql, &PGEXEC_NO_ARGS, &count, why);
    *fresh = (uint64_t)count;
    return code;
}

/* The new part replaces what it covers of the stored tile and is put in front or behind of the rest; a gap
 * between the two (two ranges that have not met yet) is filled with absent entries. */
#define TILES_SQL                                                                                            \
    "INSERT INTO log_tile AS t (log, tile, first_index, last_index, fp8, sha8, info)"                        \
    " SELECT log, tile, first_index, last_index, fp8, sha8, info FROM stage_tile ORDER BY log, tile"         \
    " ON CONFLICT (log, tile) DO UPDATE SET"                                                                 \
    " first_index = least(t.first_index, excluded.first_index),"                                             \
    " last_index = greatest(t.last_index, excluded.last_index),"                                             \
    " fp8 = t.fp8[1 : (excluded.first_index - t.first_index)::int]"                                          \
    "  || array_fill(0::int8, ARRAY[greatest(0, excluded.first_index - t.last_index - 1)::int])"             \
    "  || excluded.fp8"                                                                                      \
    "  || array_fill(0::int8, ARRAY[greatest(0, t.first_index - excluded.last_index - 1)::int])"             \
    "  || t.fp8[(excluded.last_index - t.first_index + 2)::int :],"                                          \
    " sha8 = t.sha8[1 : (excluded.first_index - t.first_index)::int]"                                        \
    "  || array_fill(0::int8, ARRAY[greatest(0, excluded.first_index - t.last_index - 1)::int])"             \
    "  || excluded.sha8"                                                                                     \
    "  || array_fill(0::int8, ARRAY[greatest(0, t.first_index - excluded.last_index - 1)::int])"             \
    "  || t.sha8[(excluded.last_index - t.first_index + 2)::int :],"                                         \
    " info = substring(t.info FROM 1 FOR greatest(0, 9 * (excluded.first_index - t.first_index))::int)"      \
    "  || decode(repeat('000000000000030000', greatest(0, excluded.first_index - t.last_index - "            \
    "1)::int), 'hex')"                                                                                       \
    "  || excluded.info"                                                                                     \
    "  || decode(repeat('000000000000030000', greatest(0, t.first_index - excluded.last_index - "            \
    "1)::int), 'hex')"                                                                                       \
    "  || substring(t.info FROM greatest(1, 9 * (excluded.last_index - t.first_index + 1) + 1)::int)"

enum err_code store_write_tiles(struct pgstore *pg, struct err *why)
{
    static const char sql[] = TILES_SQL;
    return pgexec_do(pg->conn, sql, &PGEXEC_NO_ARGS, NULL, why);
}

/* They come in their order, and are not sorted again. */
#define ROWS_SQL                                                                                             \
    "WITH stage_cert AS (SELECT * FROM unnest($1)), stage_key AS (SELECT * FROM unnest($2)),"                \
    " stage_ip AS (SELECT * FROM unnest($3)), "

enum err_code store_write_rows(struct pgstore *pg, struct store_settle *settle, struct err *why)
{
    static const char sql[] = ROWS_SQL CERTS_SQL("");
    struct pgexec_args args = PGEXEC_NO_ARGS;
    size_t staged = 0;
    int64_t count = 0;
    bool load = pg->load_before_ms != PGSTORE_LOAD_NOTHING && !pg->conn->spread;
    enum err_code code = load ? store_load_put(pg, settle, why) : ERR_OK;
    if (code == ERR_OK)
        code = store_rows_certs(&pg->rows, &pg->stage, &args, &staged, why);
    if (load)
        store_load_all(pg);
    /* Planned anew each time: how many rows there are decides how they are joined. */
    if (code == ERR_OK && staged != 0)
        code = pgexec_number(pg->conn, pg->conn->spread ? spread_rows_sql : sql, &args, &count, why);
    settle->fresh = (uint64_t)count;
    return code;
}

enum err_code store_write_places(struct pgstore *pg, struct batch *const *batches, size_t count,
                                 struct err *why)
{
    static const char sql[] =
        "WITH stage_tile AS (SELECT $1::int2 AS log, s.tile, s.first_index, s.last_index,"
        " ($4::int8[])[s.first_index - $2 + 1 : s.last_index - $2 + 1] AS fp8,"
        " ($5::int8[])[s.first_index - $2 + 1 : s.last_index - $2 + 1] AS sha8,"
        " substring($6::bytea FROM (9 * (s.first_index - $2) + 1)::int"
        "  FOR (9 * (s.last_index - s.first_index + 1))::int) AS info"
        " FROM (SELECT g.tile, greatest(g.tile * 256, $2) AS first_index, least(g.tile * 256 + 255, $3 - 1) "
        "AS last_index"
        "  FROM generate_series($2 / 256, ($3 - 1) / 256) AS g (tile)) AS s) " TILES_SQL;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    store_rows_places(&pg->rows, batches, count, &args);
    enum err_code code = pgexec_cached(pg->conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    PQclear(res);
    return store_write_found(pg, batches, count, why);
}

enum err_code store_write_found(struct pgstore *pg, struct batch *const *batches, size_t count,
                                struct err *why)
{
    return pg->conn->spread
               ? ERR_OK
               : placeset_store(&pg->places.set, &pg->copy, pg->conn, batches, count, &pg->place_blocks, why);
}

enum err_code store_write_malformed(struct pgstore *pg, struct err *why)
{
    static const char sql[] =
        "INSERT INTO malformed (log, idx, timestamp, findings, leaf, extra)"
        " SELECT log, idx, timestamp, findings, leaf, extra FROM stage_malformed ORDER BY log, idx"
        " ON CONFLICT (log, idx) DO UPDATE SET timestamp = excluded.timestamp, findings = excluded.findings,"
        " leaf = excluded.leaf, extra = excluded.extra";
    return pgexec_do(pg->conn, sql, &PGEXEC_NO_ARGS, NULL, why);
}

/* The newest file of the schema and how many it has: a newer program may add some while this one runs. */
#define WRITE_STEP                                                                                           \
    " (SELECT max(version) FROM schema_migration)::int8, (SELECT count(*) FROM schema_migration)"
/* Who connected before a database was spread writes nothing in its old way. */
#define WRITE_HERE " WHERE to_regclass('public.scale_out') IS NULL"
#define GENERATION_SQL                                                                                       \
    "SELECT g.generation, 0::int8, NULL::timestamptz, r.lists," WRITE_STEP                                   \
    " FROM domain_generation AS g, cert_removal AS r"

static enum err_code hold(struct pgstore *pg, const char *sql, uint64_t *generation, int64_t *removals,
                          int64_t *horizon_s, int64_t *lists, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_cached(pg->conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1) {
        *generation = (uint64_t)pgexec_get_int(res, 0, 0);
        *removals = pgexec_get_int(res, 0, 1);
        *lists = pgexec_get_int(res, 0, 3);
        code = migrate_still(pgexec_get_int(res, 0, 4), pgexec_get_int(res, 0, 5), why);
        *horizon_s = pgexec_is_null(res, 0, 2) ? INT64_MIN : pgexec_get_time(res, 0, 2) / 1000;
    } else if (pg->conn->spread) {
        code =
            err_set(why, ERR_DB_CONFLICT,
                    "database: it is being spread over a Citus cluster: nothing is stored until `ctvigil db "
                    "migrate --citus` has ended");
    } else if ((code = spread_left(pg->conn, why)) == ERR_OK) {
        code =
            err_set(why, ERR_DB_SCHEMA,
                    "database: table domain_generation or cert_removal has no row: restore it from a backup");
    }
    PQclear(res);
    return code;
}

enum err_code store_write_generation(struct pgstore *pg, uint64_t *generation, struct err *why)
{
    int64_t none;
    int64_t lists = 0;
    const char *sql = pg->conn->spread ? GENERATION_SQL " FOR SHARE" : GENERATION_SQL WRITE_HERE " FOR SHARE";
    enum err_code code = hold(pg, sql, generation, &none, &none, &lists, why);
    if (code == ERR_OK && lists != pg->lists)
        code = err_set(why, ERR_DB_CONFLICT, "database: another public suffix list came during the repair");
    return code;
}

/* By which lists keys are made. */
static enum err_code follow_lists(struct pgstore *pg, int64_t lists, struct err *why)
{
    enum err_code code = lists == pg->lists ? ERR_OK : db_psl_follow(pg->conn, why);
    if (code == ERR_OK)
        pg->lists = lists;
    return code;
}

enum err_code store_write_lists(struct pgstore *pg, struct err *why)
{
    static const char sql[] = "SELECT lists, nullif(horizon, '-infinity') FROM cert_removal";
    PGresult *res;
    int64_t lists = pg->lists;
    enum err_code code = pgexec_run(pg->conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1) {
        lists = pgexec_get_int(res, 0, 0);
        pg->stage.horizon_s = pgexec_is_null(res, 0, 1) ? INT64_MIN : pgexec_get_time(res, 0, 1) / 1000;
    }
    PQclear(res);
    return follow_lists(pg, lists, why);
}

enum err_code store_write_hold(struct pgstore *pg, uint64_t *generation, struct err *why)
{
    int64_t removals = 0;
    int64_t lists = 0;
    static const char sql[] =
        "SELECT g.generation, r.removals, nullif(r.horizon, '-infinity'), r.lists," WRITE_STEP
        " FROM domain_generation AS g, cert_removal AS r" WRITE_HERE " FOR SHARE";
    enum err_code code = hold(pg, pg->conn->spread ? spread_hold_sql : sql, generation, &removals,
                              &pg->stage.horizon_s, &lists, why);
    if (code == ERR_OK)
        code = follow_lists(pg, lists, why);
    if (code != ERR_OK)
        return code;
    pg->known_age = fpcache_as_of(pg->known, removals);
    if (removals != pg->removals)
        store_der_forget(&pg->keep);
    pg->removals = removals;
    return ERR_OK;
}

/* What a settle makes of the verified size: never less than what is known already. */
static bool moves_verified(const struct store_settle *settle)
{
    return settle->has_verified && settle->verified->size > settle->range->verified &&
           settle->verified->size <= settle->next && settle->verified->size >= settle->range->begin;
}

static struct span frontier_bytes(const struct compact *compact, uint64_t size,
                                  uint8_t room[COMPACT_BYTES_MAX])
{
    if (compact == NULL || compact->size != size)
        return SPAN_NONE;
    return span_of(room, compact_store(compact, room));
}

static enum err_code mark_head(struct pgstore *pg, const struct store_settle *settle, struct err *why)
{
    /* A log whose only fault was a root that did not fit is well again when a later head fits, and what was
     * told of is verified: a head that fits one range says nothing of the others. */
    static const char sql[] =
        "WITH h AS (UPDATE log_head SET verified = true WHERE log = $1 AND size = $2 AND root = $3 AND NOT "
        "verified)"
        " UPDATE log SET state = 'active' WHERE id = $1 AND state = 'inconsistent' AND NOT EXISTS"
        " (SELECT FROM evidence_open AS e WHERE e.log = $1"
        "  AND e.kind <> 'unproven_head' AND (e.kind NOT IN ('root_mismatch', 'bad_tile') OR e.range_end > $2"
        "   OR evidence_unread(e.log, e.range_begin, e.range_end)))";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, settle->range->log_id);
    pgexec_int(&args, (int64_t)settle->verified_head.size);
    pgexec_bytes(&args, span_of(settle->verified_head.root, 32));
    enum err_code code = pgexec_do(pg->conn, sql, &args, NULL, why);
    return code == ERR_OK ? store_incident_over(pg, settle->range->log_id, why) : code;
}

/* Heads come every minute for years. Whole hours are looked at, once each; what was never verified stays for
 * ever, and so does what evidence is about or another root of the same size was signed for. */
static enum err_code thin_heads(struct pgstore *pg, const struct store_settle *settle, struct err *why)
{
    static const char sql[] =
        "WITH old AS (SELECT h.size, h.root, date_trunc('hour', h.seen_at) AS hour,"
        "  row_number() OVER (PARTITION BY date_trunc('hour', h.seen_at) ORDER BY h.size DESC, h.root) = 1 "
        "AS first,"
        "  EXISTS (SELECT FROM evidence AS e WHERE e.log = $1::int2 AND h.size BETWEEN e.range_begin AND "
        "e.range_end)"
        "   OR EXISTS (SELECT FROM log_head AS o WHERE o.log = $1::int2 AND o.size = h.size AND o.root <> "
        "h.root)"
        "   AS told"
        "  FROM log_head AS h WHERE h.log = $1::int2 AND h.verified AND NOT h.kept AND h.size < $2"
        "  AND h.seen_at < date_trunc('hour', now() - $3::int8 * interval '1 day')),"
        " stay AS (UPDATE log_head AS h SET kept = true FROM old AS x WHERE h.log = $1::int2 AND h.size = "
        "x.size"
        "  AND h.root = x.root AND (x.told OR (x.first AND NOT EXISTS (SELECT FROM log_head AS k"
        "   WHERE k.log = $1::int2 AND k.kept AND k.seen_at >= x.hour AND k.seen_at < x.hour + interval '1 "
        "hour')))"
        "  RETURNING h.size, h.root)"
        " DELETE FROM log_head AS h USING old AS x WHERE h.log = $1::int2 AND h.size = x.size AND h.root = "
        "x.root"
        " AND NOT EXISTS (SELECT FROM stay AS s WHERE s.size = x.size AND s.root = x.root)";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, settle->range->log_id);
    pgexec_int(&args, (int64_t)settle->verified_head.size);
    pgexec_int(&args, LIMIT_HEAD_DAYS);
    return pgexec_do(pg->conn, sql, &args, NULL, why);
}

enum err_code store_write_move(struct pgstore *pg, const struct store_settle *settle, uint64_t epoch_step,
                               bool *moved, struct err *why)
{
    static const char sql[] =
        "UPDATE log_range SET next = $4, frontier = CASE WHEN next = $4 THEN coalesce($5, frontier) ELSE $5 "
        "END, epoch = epoch + $6,"
        " verified = coalesce($7::int8, verified), verified_frontier = coalesce($8, verified_frontier),"
        /* A signed root that was equalled proves what it was begun with. */
        " begin_frontier = CASE WHEN $7::int8 > verified AND verified = range_begin"
        "  THEN coalesce(begin_frontier, verified_frontier) ELSE begin_frontier END,"
        " updated_at = now() WHERE id = $1 AND next = $2 AND epoch = $3";
    uint8_t frontier[COMPACT_BYTES_MAX];
    uint8_t verified[COMPACT_BYTES_MAX];
    const struct store_range *range = settle->range;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t changed = 0;
    pgexec_int(&args, range->id);
    pgexec_int(&args, (int64_t)range->next);
    pgexec_int(&args, (int64_t)range->epoch);
    pgexec_int(&args, (int64_t)settle->next);
    pgexec_bytes(&args, frontier_bytes(settle->frontier, settle->next, frontier));
    pgexec_int(&args, (int64_t)epoch_step);
    if (moves_verified(settle)) {
        pgexec_int(&args, (int64_t)settle->verified->size);
        pgexec_bytes(&args, frontier_bytes(settle->verified, settle->verified->size, verified));
    } else {
        pgexec_null(&args);
        pgexec_bytes(&args, SPAN_NONE);
    }
    enum err_code code = pgexec_do(pg->conn, sql, &args, &changed, why);
    *moved = changed == 1;
    if (code == ERR_OK && *moved && settle->has_verified)
        code = mark_head(pg, settle, why);
    if (code == ERR_OK && *moved && settle->has_verified)
        code = thin_heads(pg, settle, why);
    return code;
}

static void take_over(struct pgstore *pg, struct store_settle *settle, uint64_t epoch_step)
{
    struct store_range *range = settle->range;
    if (moves_verified(settle)) {
        if (range->verified == range->begin && range->begin_frontier.size != range->begin)
            range->begin_frontier = range->verified_frontier;
        range->verified = settle->verified->size;
        range->verified_frontier = *settle->verified;
    }
    if (settle->frontier != NULL && settle->frontier->size == settle->next)
        range->frontier = *settle->frontier;
    else if (range->next != settle->next)
        range->frontier.size = 0;
    range->next = settle->next;
    range->epoch += epoch_step;
    pg->doubt.open = false;
}

enum err_code store_write_landed(struct pgstore *pg, struct store_settle *settle, uint64_t epoch_step,
                                 bool *landed, struct err *why)
{
    const struct store_range *range = settle->range;
    uint64_t verified = moves_verified(settle) ? settle->verified->size : range->verified;
    *landed = false;
    if (!pg->doubt.open)
        return ERR_OK;
    if (pg->doubt.range_id != range->id || pg->doubt.next != settle->next || pg->doubt.verified != verified ||
        pg->doubt.epoch != range->epoch + epoch_step)
        return ERR_OK;
    /* FOR SHARE waits for the old session, should it still be at work on the commit. When that takes long the
     * caller gets ERR_DB_CONFLICT, and sees what came of it when he takes the range again. */
    static const char sql[] =
        "SELECT next = $2 AND epoch = $3 AND verified = $4 FROM log_range WHERE id = $1 FOR SHARE";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, range->id);
    pgexec_int(&args, (int64_t)settle->next);
    pgexec_int(&args, (int64_t)pg->doubt.epoch);
    pgexec_int(&args, (int64_t)verified);
    enum err_code code = patience_begin(pg->conn, why);
    if (code == ERR_OK)
        code = pgexec_run(pg->conn, sql, &args, &res, why);
    if (code != ERR_OK) {
        pgexec_rollback(pg->conn);
        return code;
    }
    *landed = PQntuples(res) == 1 && pgexec_get_bool(res, 0, 0);
    PQclear(res);
    pgexec_rollback(pg->conn);
    pg->doubt.open = false;
    if (*landed)
        take_over(pg, settle, epoch_step);
    return ERR_OK;
}

enum err_code store_write_commit(struct pgstore *pg, struct store_settle *settle, uint64_t epoch_step,
                                 struct err *why)
{
    struct err first = {0};
    enum err_code code = pgexec_commit(pg->conn, &first);
    bool landed = false;
    if (code == ERR_OK) {
        take_over(pg, settle, epoch_step);
        return ERR_OK;
    }
    if (code == ERR_DB_DOWN) {
        uint64_t verified = moves_verified(settle) ? settle->verified->size : settle->range->verified;
        pg->doubt = (struct pgstore_doubt){true, settle->range->id, settle->next,
                                           settle->range->epoch + epoch_step, verified};
        /* The doubt stays when the database can not be asked now; the next try of the same settle asks. */
        if (store_write_ready(pg, NULL) == ERR_OK &&
            store_write_landed(pg, settle, epoch_step, &landed, NULL) == ERR_OK && landed)
            return ERR_OK;
    }
    return err_set(why, code, "%s", first.text);
}
