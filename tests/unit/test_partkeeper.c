/* The thread that looks after the partitions: its hours, and that it lets go at once. */
#include "cli/partkeeper.h"

#include "db/db_part.h"
#include "tests/fixture/storetest.h"

#define HOUR_MS INT64_C(3600000)

static void hours(void **state)
{
    static const struct {
        const char *text;
        int inside; /* -1: at any hour */
        int outside;
    } rows[] = {
        {"", -1, -1},  {"22-4", 23, 4},  {"22-4", 0, 21},  {"1-5", 1, 5},
        {"1-5", 4, 0}, {"0-24", 23, -1}, {"20-24", 23, 0},
    };
    static const char *const wrong[] = {"5",    "5-",  "-5",    "5-5",   "24-3",
                                        "3-25", "a-b", "1-2-3", "1 - 2", "99999999999999999999-1"};
    struct partkeeper_hours span;
    struct err why = {0};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(partkeeper_read_hours(rows[i].text, &span, &why), ERR_OK);
        if (rows[i].inside >= 0)
            assert_true(
                partkeeper_is_hour(&span, 20000 * 24 * HOUR_MS + rows[i].inside * HOUR_MS + 59 * 60000));
        if (rows[i].outside >= 0)
            assert_false(partkeeper_is_hour(&span, 20000 * 24 * HOUR_MS + rows[i].outside * HOUR_MS));
        for (int hour = 0; rows[i].inside < 0 && hour < 24; hour++)
            assert_true(partkeeper_is_hour(&span, hour * HOUR_MS));
    }
    for (size_t i = 0; i < countof(wrong); i++) {
        err_clear(&why);
        assert_int_equal(partkeeper_read_hours(wrong[i], &span, &why), ERR_CONFIG);
        assert_non_null(strstr(why.text, "db.maintain_hours"));
    }
}

static void ends_at_once(void **state)
{
    struct storetest test;
    struct partkeeper *keeper = NULL;
    struct pgconn *conn = NULL;
    struct conf conf = {0};
    struct db_part_done done;
    bool found = false;
    char hour[] = "3-4";
    char empty[] = "";
    (void)state;
    storetest_new(&test);
    conf.db.partition_rows = 1000;
    conf.db.maintain_hours = hour;
    assert_int_equal(partkeeper_start(&conf, test.dsn, &keeper, NULL), ERR_OK);
    partkeeper_stop(keeper);
    partkeeper_stop(NULL);
    conf.db.maintain_hours = empty;
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    /* As nobody had looked after it for two years: the months to come are one year still, and rows lie in it.
     */
    storetest_run(
        test.dsn,
        "SELECT partition_begin('merge', ARRAY[to_char(y, 'YYYY')], ARRAY[y, y + interval '1 year'])"
        " FROM date_trunc('year', now() + interval '1 year', 'UTC') AS y");
    assert_int_equal(db_part_resume(conn, NULL, &found, &done, NULL), ERR_OK);
    assert_true(found);
    storetest_run(test.dsn,
                  "INSERT INTO cert SELECT date_trunc('year', now() + interval '1 year', 'UTC') + i * "
                  "interval '20 days',"
                  " now(), now(), i, i, 0, 1, 1, sha256(i::text::bytea), '\\x01', sha256('k'), 'test.x'"
                  " FROM generate_series(1, 15) AS i");
    check_sql(test.dsn, "SELECT count(DISTINCT tableoid) FROM cert", 1);
    assert_int_equal(partkeeper_ahead(conn, &conf, NULL), ERR_OK);
    check_sql(
        test.dsn,
        "SELECT count(*) FROM generate_series(0, 16) AS m WHERE NOT EXISTS (SELECT FROM partition_leaf AS l"
        " WHERE l.lower <= now() + m * interval '1 month' AND l.upper > now() + m * interval '1 month'"
        " AND l.upper <= l.lower + interval '1 month')",
        0);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 15);
    check_sql(test.dsn, "SELECT count(DISTINCT tableoid) FROM cert", 10);
    pgconn_free(conn);
}

/* One damaged value of a backfill: the other leaves are put in their place, and months are cut ahead. */
static void damage_holds_up_nothing_else(void **state)
{
    struct storetest test;
    struct partkeeper *keeper = NULL;
    struct err why = {0};
    struct conf conf = {0};
    char empty[] = "";
    (void)state;
    storetest_new(&test);
    conf.db.partition_rows = 1000;
    conf.db.maintain_hours = empty;
    storetest_run(
        test.dsn,
        "INSERT INTO cert_load_run VALUES (1, 0, 0, '2020-12-05', '2020-12-05', 1, '\\xff');"
        "INSERT INTO cert_load SELECT 1, '2022-12-05', '2022-11-05', now(), 1, 1, 0, 1, 1,"
        " sha256('1'), '\\x01', sha256('k'), 'test.x';"
        "SELECT partition_begin('merge', ARRAY[to_char(y, 'YYYY')], ARRAY[y, y + interval '1 year'])"
        " FROM date_trunc('year', now() + interval '1 year', 'UTC') AS y");
    assert_int_equal(partkeeper_start(&conf, test.dsn, &keeper, NULL), ERR_OK);
    assert_int_equal(partkeeper_look(keeper, &why), ERR_DB);
    assert_non_null(strstr(why.text, "cert_load_run, slot 1, kind 0, bucket 0, ctid (0,1)"));
    check_sql(test.dsn, "SELECT count(*) FROM cert", 1);
    check_sql(test.dsn, "SELECT count(*) FROM cert_load_run", 1);
    check_sql(test.dsn, "SELECT count(*) FROM partition_job", 0);
    check_sql(
        test.dsn,
        "SELECT count(*) FROM generate_series(0, 16) AS m WHERE NOT EXISTS (SELECT FROM partition_leaf AS l"
        " WHERE l.lower <= now() + m * interval '1 month' AND l.upper > now() + m * interval '1 month'"
        " AND l.upper <= l.lower + interval '1 month')",
        0);
    partkeeper_stop(keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours),
        cmocka_unit_test(ends_at_once),
        cmocka_unit_test(damage_holds_up_nothing_else),
    };
    return storetest_main(tests, countof(tests), "partkeeper");
}
