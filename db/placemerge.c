#include "db/placemerge.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "db/pgexec.h"
#include "db/placebad.h"

/* Buckets that follow one another are about as full; the last level is never merged. A stretch that ended
 * exactly where the level does leaves nothing behind it. */
#define DUE_SQL                                                                                              \
    "SELECT s.kind::int8, s.level::int8, s.next::int8 FROM place_level AS s CROSS JOIN LATERAL"              \
    " (SELECT count(*) AS blocks, count(DISTINCT w.bucket) AS buckets FROM"                                  \
    "  (SELECT b.bucket FROM place_block AS b WHERE b.kind = s.kind AND b.level = s.level"                   \
    "   AND b.bucket >= s.next ORDER BY b.kind, b.level, b.bucket LIMIT 64) AS w) AS n"                      \
    " WHERE s.level < 8 AND (n.blocks >= $1::int8 * greatest(n.buckets, 1) OR (n.blocks = 0 AND s.next > "   \
    "0))"

void placemerge_fini(struct placemerge *merge)
{
    placeset_fini(&merge->set);
}

static enum err_code take_row(struct placemerge *merge, struct pgconn *conn, const int64_t at[3],
                              const PGresult *res, int row, struct err *why)
{
    const struct placebad from = {at[0], at[1], pgexec_get_int(res, row, 0)};
    struct span keys = pgexec_get_bytes(res, row, 1);
    struct span places = pgexec_get_bytes(res, row, 2);
    if (placeset_is_block((unsigned)at[1], from.bucket, keys, places))
        return placeset_add_block(&merge->set, keys, places, why);
    merge->bad++;
    return placebad_note(conn, &from, keys, places, why);
}

static int64_t fan_of(const struct placemerge *merge)
{
    return merge->load ? LIMIT_PLACE_FAN_LOAD : LIMIT_PLACE_FAN;
}

static unsigned level_behind(const struct placemerge *merge, unsigned level)
{
    return merge->load && level + 2 < PLACESET_LEVELS ? level + 2 : level + 1;
}

/* Into the level behind; *next: the bucket to go on with. */
static enum err_code move(struct placemerge *merge, struct copy *copy, struct pgconn *conn,
                          const int64_t at[3], int64_t *next, struct err *why)
{
    static const char sql[] =
        "DELETE FROM place_block WHERE ctid = ANY (ARRAY(SELECT b.ctid FROM place_block AS b"
        " WHERE b.kind = $1::int2 AND b.level = $2::int2 AND b.bucket >= $3::int4"
        " ORDER BY b.kind, b.level, b.bucket LIMIT $4)) RETURNING bucket, keys, places";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    uint64_t blocks = 0;
    for (int i = 0; i < 3; i++)
        pgexec_int(&args, at[i]);
    pgexec_int(&args, LIMIT_PLACE_STEP);
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    if (code == ERR_OK)
        code = placeset_begin(&merge->set, (size_t)PQntuples(res) * LIMIT_PLACE_BLOCK, why);
    *next = 0;
    for (int row = 0; code == ERR_OK && row < PQntuples(res); row++) {
        int64_t bucket = pgexec_get_int(res, row, 0);
        *next = bucket > *next && PQntuples(res) == LIMIT_PLACE_STEP ? bucket : *next;
        code = take_row(merge, conn, at, res, row, why);
    }
    merge->dead += code == ERR_OK ? (uint64_t)PQntuples(res) : 0;
    PQclear(res);
    if (code != ERR_OK)
        return code;
    copy_begin(copy, conn, PLACESET_COPY, why);
    placeset_put(&merge->set, copy, (unsigned)at[0], level_behind(merge, (unsigned)at[1]), &blocks);
    return copy_end(copy);
}

/* Whoever has the row of a level merges it; `at` is its kind, level and next bucket. */
static enum err_code take(const struct placemerge *merge, struct pgconn *conn, int64_t at[3], bool *taken,
                          struct err *why)
{
    static const char sql[] =
        DUE_SQL " AND s.kind = $2::int2 AND s.level = $3::int2 FOR UPDATE OF s SKIP LOCKED";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, fan_of(merge));
    pgexec_int(&args, at[0]);
    pgexec_int(&args, at[1]);
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *taken = PQntuples(res) == 1;
    if (*taken)
        at[2] = pgexec_get_int(res, 0, 2);
    PQclear(res);
    return ERR_OK;
}

static enum err_code merge_level(struct placemerge *merge, struct copy *copy, struct pgconn *conn,
                                 int64_t at[3], uint64_t *moved, struct err *why)
{
    static const char sql[] =
        "UPDATE place_level SET next = $3::int4 WHERE kind = $1::int2 AND level = $2::int2";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    const uint64_t before[] = {merge->dead, merge->bad};
    bool taken = false;
    int64_t next = 0;
    /* A plan that was made while there were few blocks would look at all of them for each. */
    enum err_code code = pgexec_begin_as(conn, "BEGIN; SET LOCAL enable_seqscan = off", why);
    if (code == ERR_OK)
        code = take(merge, conn, at, &taken, why);
    if (code == ERR_OK && taken)
        code = move(merge, copy, conn, at, &next, why);
    pgexec_int(&args, at[0]);
    pgexec_int(&args, at[1]);
    pgexec_int(&args, next);
    if (code == ERR_OK && taken)
        code = pgexec_do(conn, sql, &args, NULL, why);
    if (code == ERR_OK && taken)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK || !taken) {
        pgexec_rollback(conn);
        merge->dead = before[0];
        merge->bad = before[1];
        return code;
    }
    *moved += merge->dead - before[0];
    return ERR_OK;
}

enum err_code placemerge_step(struct placemerge *merge, struct copy *copy, struct pgconn *conn,
                              uint64_t *moved, struct err *why)
{
    static const char sql[] = DUE_SQL " ORDER BY s.level, s.kind";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    *moved = 0;
    pgexec_int(&args, fan_of(merge));
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; code != ERR_DB_DOWN && row < PQntuples(res); row++) {
        int64_t at[3];
        for (int i = 0; i < 3; i++)
            at[i] = pgexec_get_int(res, row, i);
        enum err_code one = merge_level(merge, copy, conn, at, moved, code == ERR_OK ? why : NULL);
        code = code == ERR_OK || one == ERR_DB_DOWN ? one : code;
    }
    PQclear(res);
    return code;
}

/* The server does the same by itself, a minute or more later, and where we may not, and where it takes longer
 * than who waits for the next commit should. It reads the pages that were changed and the whole index: a
 * level is merged in one go, so left to a server that is a minute late a third of the table would be holes.
 */
static enum err_code free_space(struct placemerge *merge, struct pgconn *conn, struct err *why)
{
    /* A table that was not frozen for long is read whole: not by who stores. Autovacuum does that, and soon.
     */
    static const char sql[] =
        "SELECT CASE WHEN reltuples > 500000 AND"
        " (age(relfrozenxid) >= current_setting('vacuum_freeze_table_age')::int8 OR mxid_age(relminmxid) >="
        "  current_setting('vacuum_multixact_freeze_table_age')::int8) THEN $1 ELSE reltuples::int8 END"
        " FROM pg_class WHERE oid = 'place_block'::regclass";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t rows = 0;
    if (merge->dead < LIMIT_PLACE_DEAD)
        return ERR_OK;
    pgexec_int(&args, LIMIT_PLACE_DEAD_ROWS + 1);
    enum err_code code = pgexec_number(conn, sql, &args, &rows, why);
    uint64_t part = rows > 0 ? (uint64_t)rows / LIMIT_PLACE_DEAD_PART : 0;
    if (code != ERR_OK || merge->dead < (part < LIMIT_PLACE_DEAD_MOST ? part : LIMIT_PLACE_DEAD_MOST))
        return code;
    merge->dead = 0;
    if (rows > LIMIT_PLACE_DEAD_ROWS)
        return ERR_OK;
    return pgexec_script(conn, "VACUUM (TRUNCATE off, SKIP_LOCKED) place_block", why);
}

/* What was lost or given to another is tried again and said by others; what stays so makes looking for a hash
 * slower and slower. */
static void say_failure(struct placemerge *merge, enum err_code code, int64_t now_ms, const char *text)
{
    bool passes = code == ERR_DB_DOWN || code == ERR_DB_CONFLICT;
    if (passes || (merge->warned && now_ms - merge->warned_ms < LIMIT_PLACE_SAY_MS)) {
        say_debug("db", "places in logs are merged later: %s", text);
        return;
    }
    merge->warned = true;
    merge->warned_ms = now_ms;
    say_warn("db",
             "places in logs are not merged, looking for a fingerprint gets slower: %s; SELECT place_fill()"
             " in SQL makes all blocks anew, when no ctvigil runs",
             text);
}

static void say_bad(struct placemerge *merge)
{
    if (merge->bad != 0)
        say_warn(
            "db",
            "rows of place_block that were damaged and are taken out: %" PRIu64
            "; until what they held is made anew (run and ingest do, `ctvigil db places` does at once), "
            "looking for a fingerprint or SHA-256 may find too little; look at the server's disk and memory",
            merge->bad);
    merge->bad = 0;
}

void placemerge_stored(struct placemerge *merge, struct copy *copy, struct pgconn *conn, uint64_t blocks,
                       int64_t now_ms)
{
    struct err why = {0};
    uint64_t moved = 1;
    merge->fresh += blocks;
    if (conn->spread || merge->fresh == 0 ||
        (merge->fresh < LIMIT_PLACE_LOOK && now_ms - merge->since_ms < LIMIT_PLACE_LOOK_MS))
        return;
    merge->fresh = 0;
    merge->since_ms = now_ms;
    enum err_code code = ERR_OK;
    for (int i = 0; i < LIMIT_PLACE_STEPS && moved != 0 && code == ERR_OK; i++)
        code = placemerge_step(merge, copy, conn, &moved, &why);
    say_bad(merge);
    if (code == ERR_OK && moved != 0) /* there may be more */
        merge->fresh = LIMIT_PLACE_LOOK;
    if (code == ERR_OK)
        code = free_space(merge, conn, &why);
    if (code != ERR_OK)
        say_failure(merge, code, now_ms, why.text);
}

void placemerge_catch_up(struct placemerge *merge, struct copy *copy, struct pgconn *conn)
{
    merge->fresh = LIMIT_PLACE_LOOK;
    for (int i = 0; i < LIMIT_PLACE_CATCH && !conn->spread && merge->fresh != 0; i++)
        placemerge_stored(merge, copy, conn, 0, clock_mono_ms());
}
