/* Silence that somebody must hear about: alerts that no channel may have, and deliveries that nobody makes.
 */
#include "db/db_unheard.h"

#include "tests/fixture/storetest.h"

static struct db_unheard look(const char *dsn)
{
    struct pgconn *conn = NULL;
    struct db_unheard unheard;
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_unheard_look(conn, &unheard, NULL), ERR_OK);
    pgconn_free(conn);
    return unheard;
}

static void counted(void **state)
{
    struct storetest test;
    (void)state;
    storetest_new(&test);
    struct db_unheard unheard = look(test.dsn);
    assert_int_equal(unheard.without_row, 0);
    assert_int_equal(unheard.overdue, 0);
    storetest_run(
        test.dsn,
        "INSERT INTO domain (name, kind, channels) VALUES ('x.test', 'dns', '{gone,lost}');"
        "INSERT INTO alert (domain, domain_name, kind, severity, tbs_fp, findings, first_seen, state)"
        " SELECT 1, 'x.test', 'unexpected_ca', 'high', sha256(n::text::bytea), '[]', now(),"
        "  CASE WHEN n = 9 THEN 'acked' ELSE 'new' END FROM generate_series(1, 9) AS n");
    unheard = look(test.dsn);
    assert_int_equal(unheard.without_row, 8);
    assert_string_equal(unheard.domain, "x.test");
    assert_string_equal(unheard.wanted, "gone,lost");
    assert_int_equal(unheard.overdue, 0);
    storetest_run(test.dsn, "INSERT INTO outbox (alert, channel, next_try_at)"
                            " SELECT id, 'one', now() - id * interval '3 minutes' FROM alert WHERE id < 6");
    unheard = look(test.dsn);
    assert_int_equal(unheard.without_row, 3);
    assert_int_equal(unheard.overdue, 2); /* 12 and 15 minutes */
    assert_string_equal(unheard.channel, "one");
    storetest_run(test.dsn, "UPDATE outbox SET state = 'sent'");
    assert_int_equal(look(test.dsn).overdue, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counted)};
    return storetest_main(tests, countof(tests), "unheard");
}
