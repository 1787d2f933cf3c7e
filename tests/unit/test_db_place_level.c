/* How many blocks of places each level has, and when they are too many. */
#include "db/db_place_level.h"

#include "tests/fixture/storetest.h"

static void levels_are_counted_and_judged(void **state)
{
    static const struct db_place_level expected[] = {
        {0, 0, 128, 128, false}, {0, 1, 129, 129, true}, {0, 5, DB_PLACE_BLOCKS_MAX, 4, false},
        {0, 8, 500, 500, false}, {1, 2, 65, 2, false},
    };
    struct db_place_level levels[DB_PLACE_LEVELS_MAX];
    struct storetest test;
    struct pgconn *conn = NULL;
    size_t count = 7;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_place_level_list(conn, levels, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    storetest_run(test.dsn, "INSERT INTO place_block (kind, level, bucket, keys, places)"
                            " SELECT x.kind, x.level, n % x.buckets, '{}', '' FROM (VALUES (0, 0, 1, 128),"
                            " (0, 1, 1, 129), (0, 5, 32768, 131073), (0, 8, 1, 500), (1, 2, 64, 65))"
                            " AS x (kind, level, buckets, blocks), generate_series(1, x.blocks) AS n");
    assert_int_equal(db_place_level_list(conn, levels, &count, NULL), ERR_OK);
    assert_int_equal(count, countof(expected));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(levels[i].kind, expected[i].kind);
        assert_int_equal(levels[i].level, expected[i].level);
        assert_int_equal(levels[i].blocks, expected[i].blocks);
        if (levels[i].in_bucket != expected[i].in_bucket)
            fail_msg("level %d: %d", levels[i].level, (int)levels[i].in_bucket);
        assert_int_equal(levels[i].lags, expected[i].lags);
    }
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels_are_counted_and_judged)};
    return storetest_main(tests, countof(tests), "db_place_level");
}
