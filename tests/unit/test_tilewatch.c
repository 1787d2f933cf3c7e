/* A backlog of data tiles, one of which is not what the hash tile says. */
#include "tests/fixture/piperig.h"

#define ENTRIES 5120 /* twenty tiles */

static void run(struct rig *rig, const char *fault)
{
    rig_start(rig, CTLOG_STATIC_CT, 0, ARGS("--entries", "5120", "--fault", fault));
    rig_run(rig);
}

static void test_bad_tile_is_named(void **state)
{
    (void)state;
    struct rig rig;
    run(&rig, "flip:1300");
    const struct fakestore_log *log = rig_log(&rig, 0);
    assert_true(rig.result.unverified);
    assert_int_equal(log->bad_tiles, 1);
    assert_int_equal(log->mismatches, 1); /* and the signed root agrees */
    assert_int_equal(log->range.next, ENTRIES);
    assert_int_equal(log->range.verified, 0);
    assert_int_equal(log->repairs, 0);
    rig_end(&rig);
}

/* Damage on the way is seen before anything is stored. */
static void test_damage_passes(void **state)
{
    (void)state;
    struct rig rig;
    run(&rig, "flip:1300:1");
    assert_fine(&rig, ENTRIES);
    assert_int_equal(rig_log(&rig, 0)->bad_tiles, 0);
    assert_int_equal(rig_log(&rig, 0)->mismatches, 0);
    assert_int_equal(rig_log(&rig, 0)->repaired, 0);
    rig_end(&rig);
}

static void test_no_hash_tile(void **state)
{
    (void)state;
    struct rig rig;
    run(&rig, "nopartial");
    assert_fine(&rig, ENTRIES);
    assert_int_equal(rig_log(&rig, 0)->bad_tiles, 0);
    rig_end(&rig);
}

/* Where there is no node for it, at the edge of the tree and where reading began inside a tile. */
static void test_part_is_named(void **state)
{
    static const struct {
        uint64_t begin;
        const char *fault;
        const char *sentence;
    } cases[] = {
        {0, "flip:699",
         "tile/data/002.p/188 does not fit tile/0/002.p/188: 1 of entries 512 to 699 are not those that the "
         "log hashed, the first one 699; tile/0/002.p/188 gives the root that the log signed for size 700"},
        {300, "flip:350",
         "tile/data/001 does not fit tile/0/001: 1 of entries 300 to 511 are not those that the log hashed, "
         "the first one 350, or the hash tile is wrong"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct rig rig;
        rig_start(&rig, CTLOG_STATIC_CT, cases[i].begin, ARGS("--entries", "700", "--fault", cases[i].fault));
        rig_run(&rig);
        const struct fakestore_log *log = rig_log(&rig, 0);
        assert_true(rig.result.unverified);
        assert_int_equal(log->bad_tiles, 1);
        assert_string_equal(log->tile_sentence, cases[i].sentence);
        assert_string_equal(log->tile_proof, "served");
        assert_int_equal(log->mismatches, 1);
        /* What is said of the root is the range that its account holds. */
        char range[160];
        snprintf(range, sizeof(range),
                 "\"sentence\":\"entries %" PRIu64
                 " to 699 do not give the root that the log signed for size 700",
                 cases[i].begin);
        assert_non_null(strstr(log->account, range));
        snprintf(range, sizeof(range), "\"begin\":%" PRIu64 ",\"end\":700", cases[i].begin);
        assert_non_null(strstr(log->account, range));
        assert_int_equal(log->range.next, 700);
        assert_int_equal(log->range.verified, cases[i].begin);
        rig_end(&rig);
    }
}

static void test_part_heals(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_STATIC_CT, 0, ARGS("--entries", "700", "--fault", "flip:699:1"));
    rig_run(&rig);
    assert_int_equal(rig_log(&rig, 0)->bad_tiles, 0);
    assert_int_equal(rig_log(&rig, 0)->mismatches, 0);
    assert_fine(&rig, 700);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_tile_is_named), cmocka_unit_test(test_damage_passes),
        cmocka_unit_test(test_no_hash_tile),      cmocka_unit_test(test_part_is_named),
        cmocka_unit_test(test_part_heals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
