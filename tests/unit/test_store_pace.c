/* The pace of operators in the database: moved by compare-and-set, whoever does it. */
#include "tests/fixture/storetest.h"

struct seen {
    struct pace pace;
    bool found;
    int64_t now_ms;
    unsigned calls;
    struct store *rival; /* moves the record in between, so often */
    unsigned rivals;
};

static void bump(void *arg, struct pace *pace, bool found, int64_t now_ms)
{
    (void)arg;
    pace->rate = found ? pace->rate : 1;
    pace->total += 1;
    pace->at_ms = now_ms;
}

static void look(void *arg, struct pace *pace, bool found, int64_t now_ms)
{
    struct seen *seen = arg;
    seen->pace = *pace;
    seen->found = found;
    seen->now_ms = now_ms;
    seen->calls++;
    bump(NULL, pace, found, now_ms);
    if (seen->rivals > 0) {
        seen->rivals--;
        assert_int_equal(seen->rival->ops->pace(seen->rival, "x", "", bump, NULL, NULL), ERR_OK);
    }
}

static void every_number_comes_back(void **state)
{
    (void)state;
    struct storetest test;
    struct seen seen = {.calls = 0};
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    assert_int_equal(store->ops->pace(store, "x", "", look, &seen, NULL), ERR_OK);
    assert_false(seen.found);
    assert_true(seen.now_ms > INT64_C(1700000000000));
    /* A record per address, too. */
    assert_int_equal(store->ops->pace(store, "x", "127.0.0.2", look, &seen, NULL), ERR_OK);
    assert_false(seen.found);
    assert_int_equal(store->ops->pace(store, "x", "", look, &seen, NULL), ERR_OK);
    assert_true(seen.found);
    assert_true(seen.pace.total == 1 && seen.pace.rate == 1);
    check_sql(test.dsn, "SELECT count(*) FROM operator_pace WHERE operator = 'x'", 2);
    check_sql(test.dsn, "SELECT requests::int FROM operator_pace WHERE source = ''", 2);
    store->ops->free(store);
}

/* Another process is quicker: nothing it did is lost. */
static void rivals_lose_nothing(void **state)
{
    (void)state;
    struct storetest test;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    struct seen seen = {.rival = storetest_open(test.dsn), .rivals = 3};
    assert_int_equal(store->ops->pace(store, "x", "", look, &seen, NULL), ERR_OK);
    assert_int_equal(seen.calls, 4);
    check_sql(test.dsn, "SELECT requests::int FROM operator_pace", 4);
    /* One that is always quicker: told, and nothing is waited for. */
    seen = (struct seen){.rival = seen.rival, .rivals = 1000};
    assert_int_equal(store->ops->pace(store, "x", "", look, &seen, NULL), ERR_DB_CONFLICT);
    assert_true(seen.calls < 20);
    seen.rival->ops->free(seen.rival);
    store->ops->free(store);
}

/* What another version, or somebody's hand, has written is no record. */
static void strange_rows_are_begun_anew(void **state)
{
    static const char *const rows[] = {
        "reals = '{}'",
        "reals = NULL::float8[] || reals || 1::float8",
        "whole = whole || 1::int8",
        "whole = array_fill(1::int8, ARRAY[13], ARRAY[0])",
        "whole[3] = NULL",
        "reals[1] = 'NaN'",
        "reals[2] = 'Infinity'",
        "reals[1] = -1",
        "reals[5] = 1e300",
        "whole[1] = 9223372036854775807",
    };
    (void)state;
    struct storetest test;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    for (size_t i = 0; i < countof(rows); i++) {
        char sql[256];
        struct seen seen = {.calls = 0};
        assert_int_equal(store->ops->pace(store, "x", "", look, &seen, NULL), ERR_OK);
        (void)snprintf(sql, sizeof sql, "UPDATE operator_pace SET %s", rows[i]);
        storetest_run(test.dsn, sql);
        assert_int_equal(store->ops->pace(store, "x", "", look, &seen, NULL), ERR_OK);
        /* Bounds of the array are not what counts. */
        if (seen.found && strstr(rows[i], "array_fill") == NULL)
            fail_msg("%s: taken for a record", rows[i]);
    }
    store->ops->free(store);
}

static void pages_are_kept(void **state)
{
    (void)state;
    struct storetest test;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    assert_int_equal(store->ops->page(store, 2, 32, 32, NULL), ERR_OK);
    check_sql(test.dsn, "SELECT page * 1000 + page_align FROM log WHERE id = 2", 32032);
    check_sql(test.dsn, "SELECT page + page_align FROM log WHERE id = 1", 0);
    store->ops->free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_comes_back),
        cmocka_unit_test(rivals_lose_nothing),
        cmocka_unit_test(strange_rows_are_begun_anew),
        cmocka_unit_test(pages_are_kept),
    };
    return storetest_main(tests, countof(tests), "store_pace");
}
