/* One delivery out of turn: nobody else's rows are touched, and nobody gets it twice. */
#include "db/db_outbox_one.h"

#include "tests/fixture/storetest.h"

static void out_of_turn(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    struct db_outbox_item item;
    struct db_outbox_item other;
    bool claimed = false;
    (void)state;
    storetest_new(&test);
    storetest_run(test.dsn,
                  "INSERT INTO alert (dedup, kind, severity, findings, first_seen)"
                  " SELECT 'test:' || n, 'test', 'info', '[]', now() FROM generate_series(1, 3) AS n;"
                  "INSERT INTO outbox (alert, channel) SELECT a.id, c.name FROM alert AS a, channel AS c");
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_outbox_one(conn, 2, "one", 60000, &item, &claimed, NULL), ERR_OK);
    assert_true(claimed);
    assert_int_equal(item.alert, 2);
    assert_int_equal(item.tries, 0);
    assert_string_equal(item.channel, "one");
    assert_int_equal(strlen(item.key), 36);
    check_sql(test.dsn, "SELECT count(*) FROM outbox WHERE next_try_at > now()", 1);
    assert_int_equal(db_outbox_one(conn, 2, "one", 60000, &other, &claimed, NULL), ERR_OK);
    assert_false(claimed);
    assert_int_equal(db_outbox_one(conn, 2, "nobody", 60000, &other, &claimed, NULL), ERR_OK);
    assert_false(claimed);
    assert_int_equal(db_outbox_one(conn, 99, "one", 60000, &other, &claimed, NULL), ERR_OK);
    assert_false(claimed);
    /* The claim is one like those of a notifier. */
    assert_int_equal(db_outbox_sent(conn, &item, NULL), ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM outbox WHERE state = 'sent' AND alert = 2 AND channel = 'one'",
              1);
    assert_int_equal(db_outbox_one(conn, 2, "one", 60000, &other, &claimed, NULL), ERR_OK);
    assert_false(claimed);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(out_of_turn)};
    return storetest_main(tests, countof(tests), "outbox_one");
}
