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

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_tile_is_named),
        cmocka_unit_test(test_damage_passes),
        cmocka_unit_test(test_no_hash_tile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
