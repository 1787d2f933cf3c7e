/* Channels that a configuration left behind: given up after a week, and what waited for them alone is told to
 * others. */
#include "tests/fixture/storetest.h"

#include "db/db_channel.h"
#include "db/db_outbox.h"

static void left_behind_channels_are_given_up(void **state)
{
    (void)state;
    struct storetest test;
    struct pgconn *conn = NULL;
    struct err why = {0};
    uint64_t count = 0;
    storetest_new(&test); /* channels one and two */
    storetest_run(
        test.dsn,
        "INSERT INTO alert (kind, severity, dedup, findings, first_seen) SELECT 'malformed', 'high', n::text,"
        " '[]', now() FROM generate_series(1, 3) AS n;"
        "INSERT INTO outbox (alert, channel, state) VALUES (1, 'one', 'pending'), (1, 'two', 'sent'),"
        " (2, 'one', 'pending'), (3, 'one', 'sent');"
        "UPDATE channel SET heard_at = now() - interval '6 days 23 hours' WHERE name = 'one'");
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    assert_int_equal(db_channel_retire(conn, &count, &why), ERR_OK);
    assert_int_equal(count, 0);
    check_sql(test.dsn, "SELECT count(*) FROM outbox", 4);
    storetest_run(test.dsn,
                  "UPDATE channel SET heard_at = now() - interval '7 days 1 hour' WHERE name = 'one'");
    assert_int_equal(db_channel_retire(conn, &count, &why), ERR_OK);
    assert_int_equal(count, 1);
    storetest_text(test.dsn, "SELECT string_agg(name, ' ') FROM channel WHERE enabled", "two");
    storetest_text(test.dsn, "SELECT string_agg(alert || channel || state, ' ' ORDER BY alert) FROM outbox",
                   "1twosent 3onesent");
    /* Alert 2 waited for channel one alone. */
    assert_int_equal(db_outbox_adopt(conn, &count, &why), ERR_OK);
    storetest_text(test.dsn, "SELECT string_agg(alert || channel || state, ' ' ORDER BY alert) FROM outbox",
                   "1twosent 2twopending 3onesent");
    assert_int_equal(db_channel_retire(conn, &count, &why), ERR_OK);
    assert_int_equal(count, 0);
    pgconn_free(conn);
}

static void a_channel_that_is_served_stays(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        bool enabled;
    } rows[] = {
        {"UPDATE channel SET heard_at = now() - interval '8 days' WHERE name = 'one'", true},
        {"UPDATE channel SET heard_at = now() - interval '8 days', enabled = false WHERE name = 'one'", true},
        {"UPDATE channel SET heard_at = now() - interval '2 hours', enabled = false WHERE name = 'one'",
         false},
        {"UPDATE channel SET heard_at = now() - interval '10 minutes' WHERE name = 'one'", true},
    };
    struct storetest test;
    struct pgconn *conn = NULL;
    struct err why = {0};
    uint64_t count = 0;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        storetest_run(test.dsn, "UPDATE channel SET enabled = true, heard_at = now()");
        storetest_run(test.dsn, rows[i].before);
        assert_int_equal(db_channel_heard(conn, "one", &why), ERR_OK);
        assert_int_equal(db_channel_retire(conn, &count, &why), ERR_OK);
        assert_int_equal(count, 0);
        check_sql(test.dsn, "SELECT enabled::int FROM channel WHERE name = 'one'", rows[i].enabled);
        check_sql(test.dsn, "SELECT count(*) FROM channel WHERE heard_at > now() - interval '1 hour'", 2);
    }
    /* Registering counts as being heard. */
    storetest_run(test.dsn, "UPDATE channel SET heard_at = now() - interval '8 days', enabled = false");
    assert_int_equal(db_outbox_channel(conn, "one", &why), ERR_OK);
    assert_int_equal(db_channel_retire(conn, &count, &why), ERR_OK);
    storetest_text(test.dsn, "SELECT string_agg(name, ' ') FROM channel WHERE enabled", "one");
    pgconn_free(conn);
}

/* A channel that was taken out of the configuration, or has another name now: what waits there alone is
 * offered to those that are served, long before the channel is given up. */
static void what_waits_where_nobody_serves(void **state)
{
    static const struct {
        const char *rows; /* (channel, state) of the alert */
        const char *after;
    } rows[] = {
        {"('gone', 'pending')", "gone pending,here pending"},
        {"('never', 'pending')", "gone pending,here pending,never pending"},
        {"('off', 'pending')", "gone pending,here pending,off pending"},
        {"('gone', 'pending'), ('off', 'filtered')", "gone pending,here pending,off filtered"},
        {"('gone', 'pending'), ('here', 'filtered')", "gone pending,here filtered"},
        {"('gone', 'pending'), ('busy', 'pending')", "busy pending,gone pending"},
        {"('gone', 'pending'), ('busy', 'dead')", "busy dead,gone pending"},
        {"('gone', 'filtered')", "gone filtered"},
        {"('here', 'pending')", "here pending"},
    };
    (void)state;
    struct storetest test;
    struct pgconn *conn = NULL;
    uint64_t count = 0;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    storetest_run(test.dsn, "DELETE FROM channel; INSERT INTO channel (name, enabled, heard_at) VALUES"
                            " ('here', true, now()), ('gone', true, now() - interval '3 hours 1 minute'),"
                            " ('off', false, now())");
    for (size_t i = 0; i < countof(rows); i++) {
        char sql[600];
        (void)snprintf(
            sql, sizeof sql,
            "WITH a AS (INSERT INTO alert (kind, severity, findings, first_seen)"
            " VALUES ('malformed', 'high', '[]', now()) RETURNING id)"
            " INSERT INTO outbox (alert, channel, state) SELECT id, c, s FROM a, (VALUES %s) AS v(c, s)",
            rows[i].rows);
        storetest_run(test.dsn, "DELETE FROM alert; DELETE FROM channel WHERE name = 'busy'");
        storetest_run(test.dsn, sql);
        if (strstr(rows[i].rows, "busy") != NULL)
            storetest_run(test.dsn, "INSERT INTO channel (name) VALUES ('busy')");
        for (int again = 0; again < 2; again++) {
            assert_int_equal(db_outbox_adopt(conn, &count, NULL), ERR_OK);
            storetest_text(test.dsn,
                           "SELECT string_agg(channel || ' ' || state, ',' ORDER BY channel) FROM outbox",
                           rows[i].after);
        }
        assert_int_equal(count, 0);
    }
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(left_behind_channels_are_given_up),
        cmocka_unit_test(a_channel_that_is_served_stays),
        cmocka_unit_test(what_waits_where_nobody_serves),
    };
    return storetest_main(tests, countof(tests), "db_channel");
}
