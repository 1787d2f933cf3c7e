/* Incidents that a receiver still has open although their alerts are over. */
#include "db/db_incident.h"

#include "tests/fixture/storetest.h"

static struct db_incident last[8];

static int64_t next(struct pgconn *conn)
{
    struct db_incident incident;
    assert_int_equal(db_incident_claim(conn, "pager", 60000, &incident, NULL), ERR_OK);
    last[incident.alert] = incident;
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
    assert_int_equal(db_incident_failed(conn, &last[2], 3600000, false, NULL), ERR_OK);
    assert_int_equal(db_incident_failed(conn, &last[3], 0, false, NULL), ERR_OK);
    assert_int_equal(db_incident_ended(conn, &last[4], NULL), ERR_OK);
    assert_int_equal(next(conn), 3);
    assert_int_equal(next(conn), 0);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE open_tries = 1", 2);
    assert_int_equal(db_incident_failed(conn, &last[3], 0, true, NULL), ERR_OK);
    assert_int_equal(next(conn), 0);
    storetest_text(dsn, "SELECT string_agg(alert::text, ' ' ORDER BY alert) FROM outbox WHERE open_there",
                   "1 2 6");
    pgconn_free(conn);
}

/* Told anew while its end was on its way: the receiver has it open, and this end is not its own. */
static void opened_anew_meanwhile(void **state)
{
    char dsn[256];
    struct pgconn *conn = NULL;
    (void)state;
    assert_true(pgtest_database(&storetest_server, dsn));
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    storetest_run(dsn, "INSERT INTO alert (kind, severity, findings, first_seen, state)"
                       " VALUES ('unexpected_ca', 'high', '[]', now(), 'acked');"
                       "INSERT INTO outbox (alert, channel, state, open_there)"
                       " SELECT id, 'pager', 'sent', true FROM alert");
    assert_int_equal(next(conn), 1);
    storetest_run(dsn, "UPDATE outbox SET open_there = true, open_tries = 0, open_next = '-infinity'");
    assert_int_equal(db_incident_ended(conn, &last[1], NULL), ERR_OK);
    assert_int_equal(db_incident_failed(conn, &last[1], 3600000, true, NULL), ERR_OK);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE open_there AND open_tries = 0", 1);
    struct db_incident before = last[1];
    assert_int_equal(next(conn), 1);
    assert_int_equal(db_incident_ended(conn, &before, NULL), ERR_OK); /* a claim of before */
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE open_there", 1);
    assert_int_equal(db_incident_ended(conn, &last[1], NULL), ERR_OK);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE open_there", 0);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_has_its_own_time),
                                       cmocka_unit_test(opened_anew_meanwhile)};
    return storetest_main(tests, countof(tests), "incident");
}
