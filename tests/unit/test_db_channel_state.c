/* Channels that fail, and the hours of channels, by the server's clock and time zones. */
#include "db/db_channel_state.h"

#include "tests/fixture/storetest.h"

#include "db/db_outbox.h"

static void failing_is_one_alert_until_it_is_over(void **state)
{
    char dsn[256];
    struct pgconn *conn = NULL;
    bool raised = false;
    bool over = false;
    int64_t count = 0;
    (void)state;
    assert_true(pgtest_database(&storetest_server, dsn));
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_outbox_channel(conn, "bad", NULL), ERR_OK);
    assert_int_equal(db_outbox_channel(conn, "good", NULL), ERR_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(db_channel_state_failed(conn, "bad", "refused", &raised, NULL), ERR_OK);
        assert_false(raised); /* not for long enough */
    }
    storetest_run(dsn, "UPDATE channel SET failing_since = now() - interval '11 minutes' WHERE name = 'bad'");
    assert_int_equal(db_channel_state_failed(conn, "bad", "refused", &raised, NULL), ERR_OK);
    assert_true(raised);
    assert_int_equal(db_channel_state_failed(conn, "bad", "refused", &raised, NULL), ERR_OK);
    assert_false(raised);
    assert_int_equal(db_channel_state_count(conn, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    storetest_text(dsn, "SELECT string_agg(channel || ' ' || state, ',' ORDER BY channel) FROM outbox",
                   "bad withdrawn,good pending");
    assert_int_equal(db_channel_state_worked(conn, "good", &over, NULL), ERR_OK);
    assert_false(over);
    assert_int_equal(db_channel_state_worked(conn, "bad", &over, NULL), ERR_OK);
    assert_true(over);
    storetest_text(dsn, "SELECT state || ' ' || reason FROM alert", "closed the channel takes alerts again");
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 0);
    /* The next time is another one. */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(db_channel_state_failed(conn, "bad", "refused", &raised, NULL), ERR_OK);
        assert_false(raised);
        storetest_run(dsn, "UPDATE channel SET failing_since = failing_since - interval '4 minutes'");
    }
    assert_int_equal(db_channel_state_failed(conn, "bad", "refused", &raised, NULL), ERR_OK);
    assert_true(raised);
    check_sql(dsn, "SELECT count(*) FROM alert WHERE kind = 'channel_failing'", 2);
    pgconn_free(conn);
}

static void the_last_channel_tells_of_itself(void **state)
{
    char dsn[256];
    struct pgconn *conn = NULL;
    bool raised = false;
    (void)state;
    assert_true(pgtest_database(&storetest_server, dsn));
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_outbox_channel(conn, "only", NULL), ERR_OK);
    storetest_run(dsn, "UPDATE channel SET failing_since = now() - interval '11 minutes', failures = 2");
    assert_int_equal(db_channel_state_failed(conn, "only", "refused", &raised, NULL), ERR_OK);
    assert_true(raised);
    storetest_text(dsn, "SELECT channel || ' ' || state FROM outbox", "only pending");
    pgconn_free(conn);
}

static void clocks_on_walls(void **state)
{
    static const struct {
        const char *sql, *expected;
    } rows[] = {
        {"SELECT quiet_end('UTC', 1320, 420, '2026-11-22 21:59Z')", ""},
        {"SELECT quiet_end('UTC', 1320, 420, '2026-11-22 22:00Z')", "2026-11-23 07:00:00+00"},
        {"SELECT quiet_end('UTC', 1320, 420, '2026-11-23 06:59Z')", "2026-11-23 07:00:00+00"},
        {"SELECT quiet_end('UTC', 1320, 420, '2026-11-23 07:00Z')", ""},
        {"SELECT quiet_end('UTC', 540, 1020, '2026-11-23 12:00Z')", "2026-11-23 17:00:00+00"},
        {"SELECT quiet_end('UTC', 540, 1020, '2026-11-23 08:00Z')", ""},
        /* The night in which clocks go back, and the one in which they go forward. */
        {"SELECT quiet_end('Europe/Berlin', 1320, 420, '2026-10-24 22:30Z')", "2026-10-25 06:00:00+00"},
        {"SELECT quiet_end('Europe/Berlin', 1320, 420, '2026-03-28 22:30Z')", "2026-03-29 05:00:00+00"},
        {"SELECT local_next('Europe/Berlin', 480, '2026-03-28 08:00Z')", "2026-03-29 06:00:00+00"},
        {"SELECT local_next('Europe/Berlin', 480, '2026-03-29 06:00Z')", "2026-03-30 06:00:00+00"},
        /* A time that this day does not have. */
        {"SELECT local_next('Europe/Berlin', 150, '2026-03-29 00:30Z')", "2026-03-29 01:30:00+00"},
    };
    char dsn[256];
    (void)state;
    assert_true(pgtest_database(&storetest_server, dsn));
    for (size_t i = 0; i < countof(rows); i++) {
        char sql[300];
        (void)snprintf(sql, sizeof sql,
                       "SELECT coalesce(to_char((%s) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
                       " || '+00', '')",
                       rows[i].sql);
        storetest_text(dsn, sql, rows[i].expected);
    }
}

static void zones_and_waits(void **state)
{
    char dsn[256];
    struct pgconn *conn = NULL;
    struct db_channel_hours hours = {.zone = "UTC", .quiet_first = -1, .quiet_last = -1, .digest_at = -1};
    int64_t quiet_ms = -1;
    int64_t digest_ms = -1;
    struct err why = {0};
    (void)state;
    assert_true(pgtest_database(&storetest_server, dsn));
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_channel_state_hours(conn, &hours, &quiet_ms, &digest_ms, NULL), ERR_OK);
    assert_int_equal(quiet_ms, 0);
    assert_int_equal(digest_ms, 0);
    hours.digest_every = 30;
    assert_int_equal(db_channel_state_hours(conn, &hours, &quiet_ms, &digest_ms, NULL), ERR_OK);
    assert_in_range(digest_ms, 1, 30 * 60000 + 1);
    hours.digest_at = 0;
    assert_int_equal(db_channel_state_hours(conn, &hours, &quiet_ms, &digest_ms, NULL), ERR_OK);
    assert_in_range(digest_ms, 1, 25 * 3600000);
    hours.zone = "Nowhere/Land";
    assert_int_equal(db_channel_state_hours(conn, &hours, &quiet_ms, &digest_ms, &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "Nowhere/Land"));
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_is_one_alert_until_it_is_over),
        cmocka_unit_test(the_last_channel_tells_of_itself),
        cmocka_unit_test(clocks_on_walls),
        cmocka_unit_test(zones_and_waits),
    };
    return storetest_main(tests, countof(tests), "channel_state");
}
