/* A log with two ways to its entries: each is used where it serves, and neither can hold the other up. */
#include "tests/fixture/piperig.h"

#include "ingest/hybrid.h"

#define NOW 1000000

static void test_full_tiles_only(void **state)
{
    static const struct {
        uint64_t at, tree;
        bool tile;
    } rows[] = {{0, 255, false},   {0, 256, true},   {255, 256, true},         {256, 256, false},
                {256, 511, false}, {256, 512, true}, {UINT64_MAX, 512, false}, {0, 0, false}};
    struct hybrid hybrid = {.fails = 0};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(hybrid_by_tile(&hybrid, rows[i].at, rows[i].tree, NOW), rows[i].tile);
}

/* What one lane is asked for, in turn, when the tiles of `astray` are of no use. */
static void test_next(void **state)
{
    static const struct {
        uint64_t begin, end;
        bool tile;
    } want[] = {{10, 256, true}, {256, 512, false}, {512, 768, true}, {768, 1024, true}, {1024, 1100, false}};
    struct hybrid hybrid = {.fails = 0};
    struct plan pages;
    struct lane lane;
    (void)state;
    assert_true(lane_init(&lane));
    plan_init(&pages, false, 1000);
    lane_start(&lane, 10, UINT64_MAX);
    hybrid_tile_failed(&hybrid, 300, HYBRID_LACKING, 0, NOW);
    for (size_t i = 0; i < countof(want); i++) {
        struct hybrid_scope scope = {1100, 1100, NOW};
        struct hybrid_ask ask;
        assert_true(hybrid_next(&hybrid, &lane, &pages, &scope, &ask));
        assert_int_equal(ask.begin, want[i].begin);
        assert_int_equal(ask.end, want[i].end);
        assert_int_equal(ask.tile, want[i].tile);
    }
    assert_false(lane_has(&lane, 1100));
    assert_int_equal(lane.hole_count, 0);
    lane_stop(&lane);
    lane_fini(&lane);
}

static void test_left_alone(void **state)
{
    struct hybrid hybrid = {.fails = 0};
    int64_t now_ms = NOW;
    (void)state;
    /* A tile that is good, but for its issuers, says nothing against tiles. */
    for (uint64_t i = 0; i < 10; i++)
        hybrid_tile_failed(&hybrid, 256 * i, HYBRID_LACKING, 0, now_ms);
    assert_true(hybrid_by_tile(&hybrid, 256 * 20, 100000, now_ms));
    assert_false(hybrid_by_tile(&hybrid, 256 * 9 + 3, 100000, now_ms));
    int64_t off_ms = HYBRID_OFF_MS;
    for (int round = 0; round < 10; round++) {
        for (uint64_t i = 0; i < HYBRID_FAILS; i++) {
            assert_true(hybrid_by_tile(&hybrid, 256 * 30, 100000, now_ms));
            hybrid_tile_failed(&hybrid, 256 * (40 + i), HYBRID_AWAY, 0, now_ms);
        }
        assert_false(hybrid_by_tile(&hybrid, 256 * 30, 100000, now_ms));
        assert_false(hybrid_by_tile(&hybrid, 256 * 30, 100000, now_ms + off_ms - 1));
        now_ms += off_ms;
        off_ms = 2 * off_ms > HYBRID_OFF_MAX ? HYBRID_OFF_MAX : 2 * off_ms;
    }
    /* One that is good ends the row, and the long wait. */
    hybrid_tile_failed(&hybrid, 256 * 50, HYBRID_AWAY, 1, now_ms);
    hybrid_tile_failed(&hybrid, 256 * 51, HYBRID_AWAY, 1, now_ms);
    hybrid_tile_failed(&hybrid, 256 * 52, HYBRID_AWAY, 2, now_ms);
    hybrid_tile_failed(&hybrid, 256 * 53, HYBRID_AWAY, 2, now_ms);
    assert_true(hybrid_by_tile(&hybrid, 256 * 30, 100000, now_ms));
    hybrid_tile_failed(&hybrid, 256 * 54, HYBRID_AWAY, 2, now_ms);
    assert_false(hybrid_by_tile(&hybrid, 256 * 30, 100000, now_ms + HYBRID_OFF_MS - 1));
    assert_true(hybrid_by_tile(&hybrid, 256 * 30, 100000, now_ms + HYBRID_OFF_MS));
}

static void test_slow(void **state)
{
    struct hybrid hybrid = {.fails = 0};
    (void)state;
    /* What takes get-entries 25 s a tile may take as long as it likes. */
    hybrid_page_came(&hybrid, 256, 25000);
    for (int i = 0; i < 10; i++)
        hybrid_tile_came(&hybrid, 30000, NOW);
    assert_true(hybrid_by_tile(&hybrid, 0, 256, NOW));
    hybrid = (struct hybrid){.fails = 0};
    hybrid_page_came(&hybrid, 256, 300);
    hybrid_page_came(&hybrid, 1, 300); /* says nothing about how long an entry takes */
    for (int i = 0; i < 10; i++)
        hybrid_tile_came(&hybrid, 4900, NOW);
    assert_true(hybrid_by_tile(&hybrid, 0, 256, NOW));
    for (int i = 0; i < HYBRID_FAILS; i++)
        hybrid_tile_came(&hybrid, 20000, NOW);
    assert_false(hybrid_by_tile(&hybrid, 0, 256, NOW));
    /* A page that does not come gives the tile another try. */
    hybrid = (struct hybrid){.fails = 0};
    hybrid_tile_failed(&hybrid, 700, HYBRID_AWAY, 0, NOW);
    assert_false(hybrid_by_tile(&hybrid, 600, 1024, NOW));
    hybrid_page_failed(&hybrid, 512);
    assert_true(hybrid_by_tile(&hybrid, 600, 1024, NOW));
}

static void rows_equal(struct rig *rig, uint64_t size)
{
    const struct fakestore_log *log = rig_log(rig, 0);
    assert_fine(rig, size);
    for (uint64_t i = 0; i < size; i++)
        assert_true(log->row[i].known); /* its issuer */
}

/* Read whole, by tile as far as there are any: every reply once, every issuer once. */
static void test_read(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, CTLOG_HYBRID, 0, ARGS("--limit", "tiles", "--entries", "900"));
    rig_run(&rig);
    rows_equal(&rig, 900);
    assert_int_equal(requests(&rig, "tile-data"), 3);
    assert_int_equal(requests(&rig, "get-entries"), 1);
    assert_int_equal(requests(&rig, "checkpoint"), 0);
    assert_int_equal(requests(&rig, "tile-hash"), 0);
    simrun_do(&rig.sim, "{\"append\": 400}");
    rig_run(&rig);
    rows_equal(&rig, 1300);
    assert_int_equal(requests(&rig, "tile-data"), 5);
    rig_end(&rig);
}

/* Whatever is wrong with the tiles, or with the issuers they name: get-entries gives all there is. */
static void test_fall_back(void **state)
{
    static const struct {
        const char *fault;
        unsigned least; /* requests for tiles, at least and at most */
        unsigned most;
    } rows[] = {
        {"5xx:1:404@tile-data", 1, 4}, {"truncate:1@tile-data", 1, 4}, {"bomb:40@tile-data", 1, 4},
        {"5xx:1:404@issuer", 4, 4},    {"refuse:300@tile-data", 4, 4}, {"5xx:2:429@tile-data", 4, 20},
    };
    struct rig *rig = calloc(countof(rows), sizeof(*rig));
    (void)state;
    assert_non_null(rig);
    for (size_t i = 0; i < countof(rows); i++) {
        rig_start(&rig[i], CTLOG_HYBRID, 0,
                  ARGS("--limit", "tiles", "--entries", "1100", "--fault", rows[i].fault));
        assert_int_equal(pipe_start(&rig[i].options, rig[i].log, rig[i].log_count, &rig[i].pipe, NULL),
                         ERR_OK);
    }
    for (size_t i = 0; i < countof(rows); i++) {
        assert_true(pipe_wait(rig[i].pipe, 2 * PIPERIG_WAIT_MS, &rig[i].result));
        rows_equal(&rig[i], 1100);
        unsigned tiles = requests(&rig[i], "tile-data");
        if (tiles < rows[i].least || tiles > rows[i].most)
            fail_msg("%s: %u requests for tiles", rows[i].fault, tiles);
        rig_end(&rig[i]);
    }
    free(rig);
}

/* A tile that is wrong is no evidence: the log answers for get-entries, and the tree is mended from there. */
static void test_wrong_tile(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, CTLOG_HYBRID, 0,
              ARGS("--limit", "tiles", "--entries", "700", "--fault", "flip:300:0@tile-data"));
    rig.options.once = false;
    rig_run(&rig);
    assert_true(wait_verified(&rig, 0, 700));
    rig_stop(&rig);
    assert_rows(&rig, 0, 700);
    assert_int_equal(rig_log(&rig, 0)->mismatches, 0);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_tiles_only),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_fall_back),
        cmocka_unit_test(test_wrong_tile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
