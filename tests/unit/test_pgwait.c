/* Statements that can be ended. */
#include "db/pgwait.h"

#include <pthread.h>

#include "base/clock.h"
#include "tests/fixture/storetest.h"

static struct pgconn *open_new(void)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    return conn;
}

static void *stop_soon(void *arg)
{
    clock_sleep_ms(300);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void ends_when_asked(void **state)
{
    atomic_bool stop = false;
    pthread_t thread;
    int64_t value = 0;
    struct err why = {0};
    (void)state;
    struct pgconn *conn = open_new();
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    /* As long as a test may take: the end of this statement is its cancellation. */
    assert_int_equal(pgwait_do(conn, "SELECT pg_sleep(3600)", &PGEXEC_NO_ARGS, &stop, &why), ERR_CLOSED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pgwait_number(conn, "SELECT 1", &PGEXEC_NO_ARGS, &stop, &value, NULL), ERR_CLOSED);
    atomic_store(&stop, false);
    assert_int_equal(pgwait_number(conn, "SELECT 7", &PGEXEC_NO_ARGS, &stop, &value, NULL), ERR_OK);
    assert_int_equal(value, 7);
    assert_int_equal(pgwait_number(conn, "SELECT NULL::int8", &PGEXEC_NO_ARGS, NULL, &value, NULL), ERR_OK);
    assert_int_equal(value, 0);
    pgconn_free(conn);
}

/* As one does that comes before the server has read the statement. */
static void a_cancellation_that_is_lost(void **state)
{
    static const char deaf[] = "DO $$ BEGIN PERFORM pg_sleep(3600);"
                               " EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(3600); END $$";
    atomic_bool stop = false;
    pthread_t thread;
    struct err why = {0};
    (void)state;
    struct pgconn *conn = open_new();
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    assert_int_equal(pgwait_do(conn, deaf, &PGEXEC_NO_ARGS, &stop, &why), ERR_CLOSED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pgconn_free(conn);
}

static void errors_are_those_of_any_statement(void **state)
{
    struct err why = {0};
    int64_t value = 1;
    (void)state;
    struct pgconn *conn = open_new();
    assert_int_equal(pgwait_do(conn, "SELECT FROM nothing_of_that_name", &PGEXEC_NO_ARGS, NULL, NULL),
                     ERR_DB_SCHEMA);
    /* Somebody else's cancellation is none of ours. */
    assert_int_equal(
        pgwait_do(conn, "SELECT pg_cancel_backend(pg_backend_pid())", &PGEXEC_NO_ARGS, NULL, &why), ERR_DB);
    assert_int_equal(pgwait_number(conn, "SELECT pg_terminate_backend(pg_backend_pid())::int",
                                   &PGEXEC_NO_ARGS, NULL, &value, NULL),
                     ERR_DB_DOWN);
    assert_int_equal(value, 0);
    assert_int_equal(pgwait_do(conn, "SELECT 1", &PGEXEC_NO_ARGS, NULL, NULL), ERR_DB_DOWN);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_when_asked),
        cmocka_unit_test(a_cancellation_that_is_lost),
        cmocka_unit_test(errors_are_those_of_any_statement),
    };
    return storetest_main(tests, countof(tests), "pgwait");
}
