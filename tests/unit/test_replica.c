/* A statement that a replica cancels is asked again, and nothing else is; behind a pooler every statement has
 * our settings. The conflict is raised by a function that fails a given number of times, since a real one can
 * not be had to order (a real replica and a real pooler: play b050_copies). */
#include "tests/fixture_db.h"

#include "base/limits.h"
#include "db/pgexec.h"
#include "db/replica.h"

static struct fixture_db fixture;

static void sql(struct pgconn *conn, const char *text)
{
    struct err why = {0};
    if (pgexec_script(conn, text, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* Fails until it was called `times` times; a sequence is not taken back with its transaction. */
static struct pgconn *flaky(const char *sqlstate)
{
    struct pgconn *conn;
    char text[512];
    assert_int_equal(pgconn_open_reader(fixture.db.dsn, &conn, NULL), ERR_OK);
    assert_false(conn->pooled);
    assert_false(conn->replica);
    (void)snprintf(
        text, sizeof text,
        "DROP SEQUENCE IF EXISTS calls; CREATE SEQUENCE calls; CREATE OR REPLACE FUNCTION flaky(times int8)"
        " RETURNS int8 LANGUAGE plpgsql AS $f$ BEGIN IF nextval('calls') < times THEN"
        " RAISE EXCEPTION 'canceling statement due to conflict with recovery' USING ERRCODE = '%s';"
        " END IF; RETURN currval('calls'); END $f$",
        sqlstate);
    sql(conn, text);
    conn->replica = true;
    return conn;
}

static enum err_code call(struct pgconn *conn, int64_t times, int64_t *calls)
{
    struct pgexec_args args = {0};
    struct err why = {0};
    pgexec_int(&args, times);
    return pgexec_number(conn, "SELECT flaky($1)", &args, calls, &why);
}

static void a_conflict_is_asked_again(void **state)
{
    (void)state;
    int64_t calls = 0;
    struct pgconn *conn = flaky("40001");
    assert_int_equal(call(conn, 3, &calls), ERR_OK);
    assert_int_equal(calls, 3);
    /* Not for ever. */
    assert_int_equal(call(conn, 1000, &calls), ERR_DB_CONFLICT);
    assert_int_equal(pgexec_number(conn, "SELECT last_value FROM calls", &PGEXEC_NO_ARGS, &calls, NULL),
                     ERR_OK);
    assert_int_equal(calls, 3 + 1 + LIMIT_REPLICA_TRIES);
    /* Within a transaction it would be half of one. */
    sql(conn, "SELECT setval('calls', 1); BEGIN");
    assert_int_equal(call(conn, 4, &calls), ERR_DB_CONFLICT);
    pgexec_rollback(conn);
    pgconn_free(conn);
}

static void nothing_else_is(void **state)
{
    (void)state;
    int64_t calls = 0;
    struct pgconn *conn = flaky("P0001");
    assert_int_equal(call(conn, 3, &calls), ERR_DB);
    pgconn_free(conn);
    conn = flaky("40001");
    conn->replica = false; /* a server that writes: whoever asked decides */
    assert_int_equal(call(conn, 3, &calls), ERR_DB_CONFLICT);
    pgconn_free(conn);
}

static void an_ended_session_is_begun_anew(void **state)
{
    (void)state;
    unsigned tries = 0;
    struct pgconn *conn = flaky("40001");
    assert_int_equal(pgexec_script(conn, "SELECT pg_terminate_backend(pg_backend_pid())", NULL), ERR_DB_DOWN);
    (void)snprintf(conn->sqlstate, sizeof conn->sqlstate, "57P01");
    assert_false(replica_again(conn, &tries)); /* somebody wanted that */
    (void)snprintf(conn->sqlstate, sizeof conn->sqlstate, "40001");
    assert_true(replica_again(conn, &tries));
    assert_int_equal(tries, 1);
    sql(conn, "SELECT 1");
    pgconn_free(conn);
}

static void behind_a_pooler_statements_bring_their_settings(void **state)
{
    (void)state;
    struct pgconn *conn;
    PGresult *res;
    assert_int_equal(pgconn_open_reader(fixture.db.dsn, &conn, NULL), ERR_OK);
    conn->pooled = true;
    sql(conn, "SET search_path = pg_catalog; SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'");
    for (int i = 0; i < 3; i++) {
        /* In a transaction of its own; in ours; prepared, which it must not be. */
        if (i == 1)
            assert_int_equal(pgexec_begin_as(conn, "BEGIN READ ONLY", NULL), ERR_OK);
        static const char text[] = "SELECT '2026-01-02 00:00:00+00'::timestamptz::text, count(*) FROM log";
        assert_int_equal(i == 2 ? pgexec_cached(conn, text, &PGEXEC_NO_ARGS, &res, NULL)
                                : pgexec_run(conn, text, &PGEXEC_NO_ARGS, &res, NULL),
                         ERR_OK);
        assert_string_equal(pgexec_get_text(res, 0, 0), "2026-01-02 00:00:00+00");
        PQclear(res);
        pgexec_rollback(conn);
    }
    assert_int_equal(conn->cached_count, 0);
    assert_int_equal(PQtransactionStatus(conn->pg), PQTRANS_IDLE);
    /* An error leaves no transaction behind. */
    assert_int_equal(pgexec_run(conn, "SELECT 1 / 0", &PGEXEC_NO_ARGS, &res, NULL), ERR_DB);
    assert_int_equal(PQtransactionStatus(conn->pg), PQTRANS_IDLE);
    pgconn_free(conn);
}

static void a_server_that_copies_nobody(void **state)
{
    (void)state;
    struct replica_state look = {.replica = true};
    assert_int_equal(replica_look(fixture.db.conn, &look, NULL), ERR_OK);
    assert_false(look.replica);
    assert_false(look.connected);
    assert_int_equal(look.lag_ms, 0);
}

static int open_db(void **state)
{
    (void)state;
    fixture_db_open(&fixture);
    return 0;
}

static int close_db(void **state)
{
    (void)state;
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conflict_is_asked_again),
        cmocka_unit_test(nothing_else_is),
        cmocka_unit_test(an_ended_session_is_begun_anew),
        cmocka_unit_test(behind_a_pooler_statements_bring_their_settings),
        cmocka_unit_test(a_server_that_copies_nobody),
    };
    return cmocka_run_group_tests_name("replica", tests, open_db, close_db);
}
