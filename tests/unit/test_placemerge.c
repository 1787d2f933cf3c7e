/* Whatever is merged, stopped or merged by two at once: every place is found by its hash, once, and nothing
 * else is; and there are few blocks to look into. */
#include <pthread.h>
#include <unistd.h>

#include "base/limits.h"
#include "db/embedded.h"
#include "db/pgexec.h"
#include "db/placemerge.h"
#include "tests/fixture/storetest.h"

#define TILE 256
#define KEYS "ct.by_fp8((SELECT array_agg(DISTINCT u.k) FROM log_tile AS t, unnest(t.fp8) AS u (k)))"
#define BY_HAND                                                                                              \
    "SELECT u.k, t.log, t.first_index + u.n - 1 FROM log_tile AS t, unnest(t.fp8) WITH ORDINALITY"           \
    " AS u (k, n) WHERE u.k <> 0"

struct rig {
    char dsn[256];
    struct pgconn *conn;
    struct copy copy;
    struct placemerge merge;
    int tiles;
};

static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

static void rig_new(struct rig *rig)
{
    struct storetest test;
    struct err why = {0};
    *rig = (struct rig){0};
    storetest_new(&test);
    (void)snprintf(rig->dsn, sizeof rig->dsn, "%s", test.dsn);
    if (pgconn_open(rig->dsn, &rig->conn, &why) != ERR_OK)
        fail_msg("%s", why.text);
    copy_init(&rig->copy);
}

static void rig_end(struct rig *rig)
{
    pgconn_free(rig->conn);
    copy_fini(&rig->copy);
    placemerge_fini(&rig->merge);
}

/* A commit of so many tiles of log 1, as a writer makes it; keys differ in the bits of `mask` alone. */
static void put_tiles(struct rig *rig, int count, uint64_t mask)
{
    static const char sql[] =
        "INSERT INTO log_tile (log, tile, first_index, last_index, fp8, sha8, info)"
        " VALUES (1, $1, $1 * 256, $1 * 256 + 255, $2, $3, decode(repeat('00', 9 * 256), 'hex'))";
    struct err why = {0};
    uint64_t blocks = 0;
    assert_int_equal(pgexec_begin(rig->conn, &why), ERR_OK);
    assert_int_equal(placeset_begin(&rig->merge.set, (size_t)count * TILE, &why), ERR_OK);
    for (int i = 0; i < count; i++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        struct buf keys;
        buf_init(&keys, 1 << 16);
        copy_put_array(&keys, COPY_OID_INT8, TILE);
        for (uint64_t k = 0; k < TILE; k++) {
            uint64_t index = (uint64_t)(rig->tiles + i) * TILE + k;
            uint64_t key = mix(index / 4) & mask;
            buf_u32(&keys, 8);
            buf_u64(&keys, key);
            if (key != 0)
                placeset_add(&rig->merge.set, (int64_t)key, (uint64_t)1 << 40 | index);
        }
        pgexec_int(&args, rig->tiles + i);
        pgexec_binary(&args, COPY_OID_INT8_ARRAY, buf_span(&keys));
        pgexec_binary(&args, COPY_OID_INT8_ARRAY, buf_span(&keys));
        assert_int_equal(pgexec_do(rig->conn, sql, &args, NULL, &why), ERR_OK);
        buf_fini(&keys);
    }
    size_t keys = rig->merge.set.count;
    for (unsigned kind = 0; kind < PLACESET_KINDS; kind++) {
        copy_begin(&rig->copy, rig->conn, PLACESET_COPY, &why);
        placeset_put(&rig->merge.set, &rig->copy, kind, placeset_level(keys), &blocks);
        assert_int_equal(copy_end(&rig->copy), ERR_OK);
    }
    assert_int_equal(pgexec_commit(rig->conn, &why), ERR_OK);
    rig->tiles += count;
}

static uint64_t merge_once(struct rig *rig)
{
    struct err why = {0};
    uint64_t moved = 0;
    if (placemerge_step(&rig->merge, &rig->copy, rig->conn, &moved, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return moved;
}

/* What is found is what a look at all tiles finds, no more and not twice. */
static void is_exact(struct rig *rig)
{
    check_sql(rig->dsn,
              "SELECT count(*) FROM ((SELECT fp8, log_id, index FROM " KEYS ") EXCEPT (" BY_HAND ")) AS x",
              0);
    check_sql(rig->dsn, "SELECT count(*) - (SELECT count(*) FROM (" BY_HAND ") AS h) FROM " KEYS, 0);
    check_sql(
        rig->dsn,
        "SELECT count(*) - (SELECT count(*) FROM (" BY_HAND ") AS h)"
        " FROM ct.by_sha8((SELECT array_agg(DISTINCT u.k) FROM log_tile AS t, unnest(t.sha8) AS u (k)))",
        0);
    check_sql(rig->dsn,
              "SELECT count(*) FROM place_block WHERE cardinality(keys) * 7 <> length(places) OR bucket <>"
              " place_bucket(keys[1], level) OR bucket <> place_bucket(keys[cardinality(keys)], level)",
              0);
}

static void nothing_is_found_where_nothing_is(void **state)
{
    struct rig rig;
    (void)state;
    rig_new(&rig);
    assert_int_equal(merge_once(&rig), 0);
    check_sql(rig.dsn,
              "SELECT count(*) FROM ct.by_fp8(ARRAY[0, 1, -1, -9223372036854775808, 9223372036854775807])",
              0);
    check_sql(rig.dsn, "SELECT count(*) FROM ct.by_sha8('{}')", 0);
    check_sql(rig.dsn, "SELECT count(*) FROM ct.by_sha8(NULL)", 0);
    check_sql(rig.dsn, "SELECT place_fill()", 0);
    rig_end(&rig);
}

static void every_mix_of_keys_is_found(void **state)
{
    static const struct {
        const char *what;
        uint64_t mask;
        int tiles; /* of one commit */
        int commits;
    } rows[] = {{"hashes", UINT64_MAX, 2, 24},           {"one tile a time", UINT64_MAX, 1, 20},
                {"large commits", UINT64_MAX, 20, 2},    {"many equal", 0x8000000000000003, 2, 10},
                {"all equal", 0x8000000000000000, 3, 6}, {"one bucket", 0xffffffff, 4, 6},
                {"both ends", 0xc000000000000000, 4, 6}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct rig rig;
        uint64_t moved = 0;
        print_message("%s\n", rows[i].what);
        rig_new(&rig);
        for (int at = 0; at < rows[i].commits; at++) {
            put_tiles(&rig, rows[i].tiles, rows[i].mask);
            moved += merge_once(&rig);
        }
        is_exact(&rig);
        while (merge_once(&rig) != 0)
            ;
        assert_true(i == 2 || moved != 0);
        /* Of those that are spread as hashes are. */
        if (rows[i].mask == UINT64_MAX)
            check_sql(
                rig.dsn,
                "SELECT count(*) FROM (SELECT FROM place_block GROUP BY kind, level, bucket HAVING count(*) >"
                " 16) AS x",
                0);
        storetest_run(rig.dsn, "SELECT place_fill()");
        is_exact(&rig);
        rig_end(&rig);
    }
}

/* Later, past a level, and exact all the same; who merges after it goes on as ever. */
static void a_backfill_merges_less_often(void **state)
{
    struct rig rig;
    (void)state;
    rig_new(&rig);
    rig.merge.load = true;
    for (int i = 0; i < 31; i++)
        put_tiles(&rig, 1, UINT64_MAX);
    assert_int_equal(merge_once(&rig), 0);
    put_tiles(&rig, 1, UINT64_MAX);
    assert_int_equal(merge_once(&rig), 128);
    is_exact(&rig);
    check_sql(rig.dsn, "SELECT count(*) FROM place_block WHERE level <> 2", 0);
    for (int i = 0; i < 20; i++)
        put_tiles(&rig, 1, UINT64_MAX);
    rig.merge.load = false;
    assert_true(merge_once(&rig) != 0);
    is_exact(&rig);
    rig_end(&rig);
}

/* A place that was written again, and one that holds another certificate by now. */
static void what_is_stale_or_twice_is_told_once(void **state)
{
    struct rig rig;
    (void)state;
    rig_new(&rig);
    put_tiles(&rig, 2, UINT64_MAX);
    storetest_run(rig.dsn, "INSERT INTO place_block SELECT * FROM place_block");
    is_exact(&rig);
    storetest_run(rig.dsn, "UPDATE log_tile SET fp8[7] = 4711, sha8[7] = 4711 WHERE tile = 1");
    check_sql(rig.dsn,
              "SELECT count(*) FROM ct.by_fp8((SELECT array_agg(k) FROM place_block, unnest(keys) AS k))",
              511);
    check_sql(rig.dsn, "SELECT count(*) FROM ct.by_fp8('{4711}')", 0);
    /* What is merged is there once. */
    storetest_run(rig.dsn, "INSERT INTO place_block SELECT b.* FROM place_block AS b, generate_series(1, 8)");
    assert_true(merge_once(&rig) != 0);
    check_sql(rig.dsn, "SELECT sum(cardinality(keys)) FROM place_block", 2 * 512);
    storetest_run(rig.dsn, "SELECT place_fill()");
    check_sql(rig.dsn, "SELECT index FROM ct.by_fp8('{4711}')", 256 + 6);
    is_exact(&rig);
    rig_end(&rig);
}

/* At each statement of a merge the server refuses, or the session ends. */
static void a_merge_that_is_stopped_changes_nothing(void **state)
{
    static const char *const whats[] = {"RAISE 'stopped'", "PERFORM pg_terminate_backend(pg_backend_pid())"};
    static const char *const wheres[] = {"DELETE ON place_block", "INSERT ON place_block",
                                         "UPDATE ON place_level"};
    struct rig rig;
    (void)state;
    rig_new(&rig);
    for (int i = 0; i < 9; i++)
        put_tiles(&rig, 1, UINT64_MAX);
    for (size_t i = 0; i < countof(whats) * countof(wheres); i++) {
        char sql[512];
        uint64_t moved = 0;
        (void)snprintf(
            sql, sizeof sql,
            "CREATE OR REPLACE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN %s; RETURN NULL;"
            " END$$; CREATE TRIGGER stop AFTER %s FOR EACH STATEMENT EXECUTE FUNCTION stop()",
            whats[i / countof(wheres)], wheres[i % countof(wheres)]);
        storetest_run(rig.dsn, sql);
        assert_int_not_equal(placemerge_step(&rig.merge, &rig.copy, rig.conn, &moved, NULL), ERR_OK);
        assert_int_equal(moved, 0);
        (void)snprintf(sql, sizeof sql, "DROP TRIGGER stop ON %s",
                       strstr(wheres[i % countof(wheres)], " ON ") + 4);
        storetest_run(rig.dsn, sql);
        check_sql(rig.dsn, "SELECT count(*) FROM place_block WHERE level <> 0 OR cardinality(keys) <> 128",
                  0);
        is_exact(&rig);
        if (PQstatus(rig.conn->pg) != CONNECTION_OK)
            assert_int_equal(pgconn_reopen(rig.conn, NULL), ERR_OK);
        /* Where nothing may fail it is said and left. */
        storetest_run(rig.dsn, "SELECT 1");
    }
    assert_true(merge_once(&rig) != 0);
    check_sql(rig.dsn, "SELECT count(*) FROM place_block WHERE level = 0", 0);
    is_exact(&rig);
    rig_end(&rig);
}

static void a_level_that_another_merges_is_left_alone(void **state)
{
    struct rig rig;
    struct pgconn *other = NULL;
    (void)state;
    rig_new(&rig);
    for (int i = 0; i < 9; i++)
        put_tiles(&rig, 1, UINT64_MAX);
    assert_int_equal(pgconn_open(rig.dsn, &other, NULL), ERR_OK);
    assert_int_equal(pgexec_script(other, "BEGIN; SELECT FROM place_level WHERE kind = 0 FOR UPDATE", NULL),
                     ERR_OK);
    assert_int_equal(merge_once(&rig), 18);
    check_sql(rig.dsn, "SELECT count(*) FROM place_block WHERE level = 0 AND kind = 1", 0);
    assert_int_equal(merge_once(&rig), 0);
    pgexec_rollback(other);
    assert_int_equal(merge_once(&rig), 18);
    is_exact(&rig);
    pgconn_free(other);
    rig_end(&rig);
}

static void *merge_all(void *arg)
{
    struct rig *rig = arg;
    for (int i = 0; i < 60; i++) {
        uint64_t moved = 0;
        if (placemerge_step(&rig->merge, &rig->copy, rig->conn, &moved, NULL) != ERR_OK)
            return arg;
    }
    return NULL;
}

static void two_merge_while_a_third_writes(void **state)
{
    struct rig rig;
    struct rig other[2] = {{.tiles = 0}};
    pthread_t thread[2];
    (void)state;
    rig_new(&rig);
    for (int i = 0; i < 2; i++) {
        copy_init(&other[i].copy);
        assert_int_equal(pgconn_open(rig.dsn, &other[i].conn, NULL), ERR_OK);
        assert_int_equal(pthread_create(&thread[i], NULL, merge_all, &other[i]), 0);
    }
    for (int i = 0; i < 24; i++)
        put_tiles(&rig, 2, UINT64_MAX);
    for (int i = 0; i < 2; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(thread[i], &failed), 0);
        assert_null(failed);
        rig_end(&other[i]);
    }
    is_exact(&rig);
    while (merge_once(&rig) != 0)
        ;
    is_exact(&rig);
    rig_end(&rig);
}

/* A merge takes so many blocks and goes on where it was. */
static void a_long_level_is_merged_in_pieces(void **state)
{
    struct rig rig;
    uint64_t moved;
    uint64_t all = 0;
    int steps = 0;
    (void)state;
    rig_new(&rig);
    put_tiles(&rig, 8, UINT64_MAX);
    storetest_run(
        rig.dsn,
        "TRUNCATE place_block; INSERT INTO place_block SELECT k % 2, 4, b, ARRAY[b::int8 << 52],"
        " set_byte('\\x01000000000000', 6, g) FROM generate_series(0, 1) AS k, generate_series(0, 299) AS b,"
        " generate_series(1, 9) AS g");
    while ((moved = merge_once(&rig)) != 0) {
        assert_true(moved <= 2 * LIMIT_PLACE_STEP);
        all += moved;
        steps++;
    }
    assert_int_equal(all, 2 * 2700);
    assert_int_equal(steps, 3);
    check_sql(rig.dsn, "SELECT count(*) FROM place_block WHERE level <> 5", 0);
    check_sql(rig.dsn, "SELECT sum(cardinality(keys)) FROM place_block", 2 * 2700);
    check_sql(rig.dsn, "SELECT count(*) FROM place_level WHERE next <> 0", 0);
    rig_end(&rig);
}

/* They are taken out and noted, and the others of their level are merged. */
static void rows_that_are_no_blocks_hold_nobody_up(void **state)
{
    static const char *const damage[] = {
        "places = places || '\\x00'",
        "places = set_byte(places, 7, 200)",
        "keys = keys[2:] || keys[1]",
        "keys = array_prepend(NULL, keys[2:])",
        "keys = ARRAY[keys]",
        "keys = '{}', places = ''",
        "bucket = 7",
        ("keys = (SELECT array_agg(g) FROM generate_series(1::int8, 200) AS g), places ="
         " decode(repeat('00', 7 * 200), 'hex')"),
    };
    struct rig rig;
    (void)state;
    for (size_t i = 0; i < countof(damage); i++) {
        char sql[512];
        print_message("%s\n", damage[i]);
        rig_new(&rig);
        for (int at = 0; at < 9; at++)
            put_tiles(&rig, 1, UINT64_MAX);
        (void)snprintf(
            sql, sizeof sql,
            "UPDATE place_block SET %s WHERE ctid IN (SELECT min(ctid) FROM place_block WHERE kind = 0)",
            damage[i]);
        storetest_run(rig.dsn, sql);
        rig.merge.fresh = LIMIT_PLACE_LOOK;
        placemerge_stored(&rig.merge, &rig.copy, rig.conn, 0, 0);
        assert_false(rig.merge.warned);
        assert_int_equal(rig.merge.bad, 0); /* it was said */
        check_sql(rig.dsn, "SELECT count(*) FROM place_block WHERE level = 0 AND bucket = 0", 0);
        check_sql(rig.dsn, "SELECT count(*) FROM place_bad WHERE kind = 0 AND level = 0 AND bucket = 0", 1);
        check_sql(rig.dsn, "SELECT count(*) FROM place_bad WHERE kind = 1", 0);
        check_sql(rig.dsn, "SELECT sum(cardinality(keys)) FROM place_block WHERE kind = 1", 9 * TILE);
        check_sql(rig.dsn, "SELECT place_mend(1000)", 9);
        check_sql(rig.dsn, "SELECT place_mend(1000)", 0);
        check_sql(rig.dsn, "SELECT (place_mend(1000) IS NULL)::int", 1);
        is_exact(&rig);
        rig_end(&rig);
    }
}

/* Until somebody takes it out, what such a block holds is found as far as it can be read. */
static void keys_that_are_no_list_hide_nothing(void **state)
{
    static const char *const damage[] = {"array_prepend(NULL, keys[2:])",
                                         "array_prepend(NULL, keys)",
                                         "ARRAY[keys]",
                                         "ARRAY[array_prepend(NULL, keys[2:])]",
                                         "('[5:' || cardinality(keys) + 4 || ']=' || keys::text)::int8[]",
                                         "('[0:' || cardinality(keys) - 1 || ']=' || keys::text)::int8[]"};
    struct rig rig;
    (void)state;
    for (size_t i = 0; i < countof(damage); i++) {
        char sql[512];
        print_message("%s\n", damage[i]);
        rig_new(&rig);
        put_tiles(&rig, 2, UINT64_MAX);
        (void)snprintf(sql, sizeof sql,
                       "UPDATE place_block SET keys = %s WHERE ctid IN (SELECT min(ctid) FROM place_block"
                       " WHERE kind = 0)",
                       damage[i]);
        storetest_run(rig.dsn, sql);
        check_sql(rig.dsn, "SELECT count(*) - (SELECT count(*) FROM (" BY_HAND ") AS h) FROM " KEYS, 0);
        check_sql(rig.dsn,
                  "SELECT count(*) FROM (SELECT fp8, log_id, index FROM " KEYS " EXCEPT " BY_HAND ") AS x",
                  0);
        rig_end(&rig);
    }
}

/* The same without what only some need. */
static void sha256_is_left_out_where_nobody_wants_it(void **state)
{
    struct rig rig;
    (void)state;
    rig_new(&rig);
    put_tiles(&rig, 2, UINT64_MAX);
    check_sql(rig.dsn, "SELECT count(*) FROM " KEYS " WHERE sha8 IS NULL", 0);
    check_sql(rig.dsn,
              "SELECT count(*) FROM (SELECT fp8, log_id, index, info FROM " KEYS " EXCEPT ALL"
              " SELECT fp8, log_id, index, info FROM place_find(2::int2, (SELECT array_agg(DISTINCT u.k)"
              " FROM log_tile AS t, unnest(t.fp8) AS u (k))) WHERE sha8 IS NULL) AS x",
              0);
    rig_end(&rig);
}

/* Who looks for its hash gets the places that are good, and nobody else notices. */
static void a_place_in_no_log_is_passed_over(void **state)
{
    struct rig rig;
    (void)state;
    rig_new(&rig);
    put_tiles(&rig, 2, UINT64_MAX);
    storetest_run(rig.dsn, "UPDATE place_block SET places = set_byte(places, 0, 200) WHERE ctid IN (SELECT "
                           "min(ctid) FROM place_block WHERE kind = 0)");
    check_sql(rig.dsn, "SELECT count(*) - (SELECT count(*) FROM (" BY_HAND ") AS h) FROM " KEYS, -1);
    check_sql(rig.dsn,
              "SELECT count(*) FROM ((SELECT fp8, log_id, index FROM " KEYS ") EXCEPT (" BY_HAND ")) AS x",
              0);
    rig_end(&rig);
}

/* What can not be done at all is warned of, once in an hour, and ends no other level. */
static void a_level_that_can_not_be_merged_is_warned_of(void **state)
{
    static const int64_t hour_ms = 3600000;
    struct rig rig;
    (void)state;
    rig_new(&rig);
    for (int i = 0; i < 9; i++)
        put_tiles(&rig, 1, UINT64_MAX);
    storetest_run(rig.dsn,
                  "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'stopped';"
                  " END$$; CREATE TRIGGER stop AFTER DELETE ON place_block FOR EACH ROW WHEN (old.kind ="
                  " 0) EXECUTE FUNCTION stop()");
    rig.merge.fresh = LIMIT_PLACE_LOOK;
    placemerge_stored(&rig.merge, &rig.copy, rig.conn, 0, 2 * hour_ms);
    assert_true(rig.merge.warned && rig.merge.warned_ms == 2 * hour_ms);
    check_sql(rig.dsn, "SELECT count(*) FROM place_block WHERE level = 0 AND kind = 0", 18);
    check_sql(rig.dsn, "SELECT count(*) FROM place_block WHERE level = 0 AND kind = 1", 0);
    placemerge_stored(&rig.merge, &rig.copy, rig.conn, LIMIT_PLACE_LOOK, 3 * hour_ms - 1);
    assert_true(rig.merge.warned_ms == 2 * hour_ms);
    placemerge_stored(&rig.merge, &rig.copy, rig.conn, LIMIT_PLACE_LOOK, 3 * hour_ms);
    assert_true(rig.merge.warned_ms == 3 * hour_ms);
    is_exact(&rig);
    rig_end(&rig);
}

/* Freed before there is much to do; no commit waits where a VACUUM takes long. */
static void space_of_much_is_left_to_the_server(void **state)
{
    static const struct {
        const char *rows, *age;
        uint64_t dead, left;
        int64_t after; /* a VACUUM counts them */
    } is[] = {{"9000000", "150000000", 1000000, 0, 9000000},
              {"4000000", "150000000", LIMIT_PLACE_DEAD_MOST - 1, LIMIT_PLACE_DEAD_MOST - 1, 4000000},
              {"4000000", "150000000", LIMIT_PLACE_DEAD_MOST, 0, 0},
              {"4000000", "0", LIMIT_PLACE_DEAD_MOST, 0, 4000000}, /* it would read all */
              {"400000", "0", 50000, 0, 0}};
    struct rig rig;
    (void)state;
    rig_new(&rig);
    for (size_t i = 0; i < countof(is); i++) {
        char sql[192];
        (void)snprintf(sql, sizeof sql,
                       "UPDATE pg_class SET reltuples = %s WHERE relname = 'place_block';"
                       " SET vacuum_freeze_table_age = %s",
                       is[i].rows, is[i].age);
        assert_int_equal(pgexec_script(rig.conn, sql, NULL), ERR_OK);
        rig.merge.dead = is[i].dead;
        placemerge_stored(&rig.merge, &rig.copy, rig.conn, LIMIT_PLACE_LOOK, 0);
        assert_int_equal(rig.merge.dead, is[i].left);
        check_sql(rig.dsn, "SELECT reltuples::int8 FROM pg_class WHERE relname = 'place_block'", is[i].after);
    }
    rig_end(&rig);
}

static const char as_before[] = "SET client_min_messages = warning; DROP FUNCTION ct.by_fp8, ct.by_sha8 "
                                "CASCADE; DROP FUNCTION alert_proof(int8); DROP FUNCTION place_find,"
                                " place_fill, place_bucket; DROP TABLE place_block, place_level;"
                                "CREATE INDEX log_tile_fp8 ON log_tile USING gin (fp8); CREATE INDEX "
                                "log_tile_sha8 ON log_tile USING gin (sha8)";

/* A database of before has two indexes, and tiles that are in no block. */
static void what_was_stored_before_is_found(void **state)
{
    struct rig rig;
    const struct embedded *file = embedded_files;
    struct err why = {0};
    (void)state;
    rig_new(&rig);
    put_tiles(&rig, 30, UINT64_MAX);
    storetest_run(rig.dsn, as_before);
    while (strstr(file->name, "_place_block.sql") == NULL)
        file++;
    if (pgexec_script(rig.conn, file->text, &why) != ERR_OK)
        fail_msg("%s", why.text);
    is_exact(&rig);
    check_sql(rig.dsn, "SELECT count(*) FROM pg_index WHERE indrelid = 'log_tile'::regclass", 1);
    check_sql(rig.dsn, "SELECT min(level) * 10 + max(level) FROM place_block", 22);
    /* And goes on from there. */
    put_tiles(&rig, 2, UINT64_MAX);
    is_exact(&rig);
    rig_end(&rig);
}

static void *run_step(void *arg)
{
    struct rig *rig = arg;
    const struct embedded *file = embedded_files;
    while (strstr(file->name, "_place_block.sql") == NULL)
        file++;
    enum err_code code = pgexec_script(rig->conn, "BEGIN", NULL);
    if (code == ERR_OK)
        code = pgexec_script(rig->conn, file->text, NULL);
    return code == ERR_OK && pgexec_commit(rig->conn, NULL) == ERR_OK ? NULL : arg;
}

/* Whoever mends what is stored has log_tile, and then wants domain_generation; and one index was dropped by
 * hand. */
static void the_step_waits_for_writers_and_stops_no_reader(void **state)
{
    static const char waiting[] = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
                                  "'log_tile'::regclass";
    struct rig rig;
    struct pgconn *other = NULL;
    pthread_t thread;
    void *failed = NULL;
    (void)state;
    rig_new(&rig);
    put_tiles(&rig, 3, UINT64_MAX);
    storetest_run(rig.dsn, as_before);
    storetest_run(rig.dsn, "DROP INDEX log_tile_sha8");
    assert_int_equal(pgconn_open(rig.dsn, &other, NULL), ERR_OK);
    assert_int_equal(pgexec_script(other, "BEGIN; LOCK TABLE log_tile IN ROW EXCLUSIVE MODE", NULL), ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, run_step, &rig), 0);
    while (pgtest_count(rig.dsn, waiting) == 0)
        (void)usleep(2000);
    /* It has the other lock now. */
    check_sql(rig.dsn, "SET lock_timeout = '100ms'; SELECT generation FROM domain_generation", 1);
    assert_int_equal(pgexec_script(other,
                                   "SET deadlock_timeout = '1h'; SELECT FROM domain_generation FOR"
                                   " SHARE; COMMIT",
                                   NULL),
                     ERR_OK);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    is_exact(&rig);
    pgconn_free(other);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_where_nothing_is),
        cmocka_unit_test(every_mix_of_keys_is_found),
        cmocka_unit_test(a_backfill_merges_less_often),
        cmocka_unit_test(what_is_stale_or_twice_is_told_once),
        cmocka_unit_test(a_merge_that_is_stopped_changes_nothing),
        cmocka_unit_test(a_level_that_another_merges_is_left_alone),
        cmocka_unit_test(two_merge_while_a_third_writes),
        cmocka_unit_test(a_long_level_is_merged_in_pieces),
        cmocka_unit_test(rows_that_are_no_blocks_hold_nobody_up),
        cmocka_unit_test(a_place_in_no_log_is_passed_over),
        cmocka_unit_test(keys_that_are_no_list_hide_nothing),
        cmocka_unit_test(sha256_is_left_out_where_nobody_wants_it),
        cmocka_unit_test(a_level_that_can_not_be_merged_is_warned_of),
        cmocka_unit_test(space_of_much_is_left_to_the_server),
        cmocka_unit_test(what_was_stored_before_is_found),
        cmocka_unit_test(the_step_waits_for_writers_and_stops_no_reader),
    };
    return storetest_main(tests, countof(tests), "placemerge");
}
