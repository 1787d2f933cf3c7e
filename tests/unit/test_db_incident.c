/* Incidents that a receiver still has open although their alerts are over. */
#include "db/db_incident.h"

#include "tests/fixture/storetest.h"

static int64_t next(struct pgconn *conn)
{
    struct db_incident incident;
    assert_int_equal(db_incident_claim(conn, "pager", 60000, &incident, NULL), ERR_OK);
    return incident.alert;
}

static void each_has_its_own_time(void **state)
{
    char dsn[256];
    struct pgconn *conn = NULL;
    (void)state;
    assert_true(pgtest_database(&storetest_server, dsn));
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    storetest_run(
        dsn,
        "INSERT INTO alert (kind, severity, findings, first_seen, state) SELECT k, 'high', '[]', now(), s"
        " FROM (VALUES ('unexpected_ca', 'notified'), ('unexpected_ca', 'acked'), ('log_stale', 'closed'),"
        " ('test', 'notified'), ('unexpected_ca', 'acked'), ('unexpected_ca', 'acked')) AS v(k, s);"
        "INSERT INTO outbox (alert, channel, state, open_there) SELECT id, 'pager',"
        " CASE WHEN id = 6 THEN 'pending' ELSE 'sent' END, id <> 5 FROM alert");
    /* Of those that are over each one is handed out once a lease; a test needs nobody's answer. */
    assert_int_equal(next(conn), 2);
    assert_int_equal(next(conn), 3);
    assert_int_equal(next(conn), 4);
    assert_int_equal(next(conn), 0);
    /* What fails waits for its own time, the others do not. */
    assert_int_equal(db_incident_failed(conn, 2, 3600000, false, NULL), ERR_OK);
    assert_int_equal(db_incident_failed(conn, 3, 0, false, NULL), ERR_OK);
    assert_int_equal(db_incident_ended(conn, 4, NULL), ERR_OK);
    assert_int_equal(next(conn), 3);
    assert_int_equal(next(conn), 0);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE open_tries = 1", 2);
    assert_int_equal(db_incident_failed(conn, 3, 0, true, NULL), ERR_OK);
    assert_int_equal(next(conn), 0);
    storetest_text(dsn, "SELECT string_agg(alert::text, ' ' ORDER BY alert) FROM outbox WHERE open_there",
                   "1 2 6");
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_has_its_own_time)};
    return storetest_main(tests, countof(tests), "incident");
}
