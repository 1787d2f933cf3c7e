/* When the list of new places is merged into its index: soon where little comes, not while much does, always
 * in the end. */
#include "tests/fixture/storetest.h"

#include "base/limits.h"
#include "db/ginlist.h"
#include "db/pgexec.h"

#define PAGES "SELECT gin_clean_pending_list('log_tile_fp8')"

/* Something is in the list. */
static void fill(const struct storetest *test, int at)
{
    char sql[256];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO log_tile SELECT 1, t, t * 256, t * 256, ARRAY[t], ARRAY[t], '\\x000000000000000000'"
        " FROM generate_series(%d::int8, %d::int8) AS t",
        at, at + 99);
    storetest_run(test->dsn, sql);
}

static void by_what_comes(void **state)
{
    (void)state;
    static const struct {
        uint64_t entries;
        int64_t passed_ms;
        bool merged;
    } rows[] = {
        {10, LIMIT_GIN_LOOK_MS - 1, false},
        {10, LIMIT_GIN_LOOK_MS, true},
        {(uint64_t)LIMIT_GIN_MUCH * LIMIT_GIN_LOOK_MS / 1000 - 1, LIMIT_GIN_LOOK_MS, true},
        {(uint64_t)LIMIT_GIN_MUCH * LIMIT_GIN_LOOK_MS / 1000, LIMIT_GIN_LOOK_MS, false},
        {0, LIMIT_GIN_LOOK_MS, false}, /* nothing can be in it */
    };
    struct storetest test;
    struct pgconn *conn = NULL;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        struct ginlist list = {.since_ms = 1000};
        fill(&test, (int)i * 100);
        ginlist_stored(&list, conn, rows[i].entries, 1000 + rows[i].passed_ms);
        assert_int_equal(pgtest_count(test.dsn, PAGES) == 0, rows[i].merged);
    }
    pgconn_free(conn);
}

static void in_the_end_always(void **state)
{
    (void)state;
    struct storetest test;
    struct pgconn *conn = NULL;
    struct ginlist list = {.since_ms = 1000};
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    fill(&test, 0);
    ginlist_stored(&list, conn, UINT32_MAX, 1000 + LIMIT_GIN_LOOK_MS);
    ginlist_idle(&list, conn, 1001 + LIMIT_GIN_LOOK_MS);
    assert_true(list.waits);
    ginlist_idle(&list, conn, 1000 + 2 * LIMIT_GIN_LOOK_MS);
    assert_false(list.waits);
    check_sql(test.dsn, PAGES, 0);
    fill(&test, 100);
    ginlist_stored(&list, conn, UINT32_MAX, 1000 + 3 * LIMIT_GIN_LOOK_MS);
    ginlist_end(&list, conn);
    check_sql(test.dsn, PAGES, 0);
    pgconn_free(conn);
}

/* Who may not merge stores all the same, and does not ask again. */
static void who_may_not(void **state)
{
    (void)state;
    struct storetest test;
    struct pgconn *conn = NULL;
    struct ginlist list = {.since_ms = 1000};
    storetest_new(&test);
    storetest_run(test.dsn,
                  "DO $$ BEGIN CREATE ROLE ginlist_guest; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    assert_int_equal(pgexec_script(conn, "SET ROLE ginlist_guest", NULL), ERR_OK);
    ginlist_stored(&list, conn, 1, 1000 + LIMIT_GIN_LOOK_MS);
    assert_true(list.refused);
    assert_int_equal(pgexec_script(conn, "SELECT 1", NULL), ERR_OK);
    pgconn_free(conn);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_what_comes),
        cmocka_unit_test(in_the_end_always),
        cmocka_unit_test(who_may_not),
    };
    return storetest_main(tests, countof(tests), "ginlist");
}
