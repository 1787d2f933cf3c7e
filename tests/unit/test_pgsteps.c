/* Several statements in one round trip: they do what they do one after the other, and whatever fails in the
 * middle leaves a connection that can be used, or one that is known to be lost. */
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/fixture_db.h"

#include "db/pgsteps.h"
#include "db/pgstop.h"

static const char begin_sql[] = "BEGIN";
static const char number_sql[] = "SELECT $1::int8 + 1";
static const char divide_sql[] = "SELECT 10 / $1::int8";
static const char write_sql[] = "INSERT INTO steps VALUES ($1::int8)";
static const char unknown_sql[] = "SELECT nothing FROM nowhere";
static const char end_sql[] = "COMMIT";
static const char read_sql[] = "SELECT count(*) FROM steps";
static const char length_sql[] = "SELECT length($1::bytea), $1::bytea";

static struct fixture_db fixture;

static struct pgconn *connect_anew(void)
{
    struct pgconn *conn;
    assert_int_equal(pgconn_open(fixture.db.dsn, &conn, NULL), ERR_OK);
    assert_int_equal(pgexec_script(conn, "CREATE TABLE IF NOT EXISTS steps (n int8); TRUNCATE steps", NULL),
                     ERR_OK);
    return conn;
}

static int64_t written(struct pgconn *conn)
{
    int64_t count = -1;
    assert_int_equal(pgexec_number(conn, "SELECT count(*) FROM steps", &PGEXEC_NO_ARGS, &count, NULL),
                     ERR_OK);
    return count;
}

static void free_all(struct pgstep *steps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        PQclear(steps[i].res);
}

/* The first time they are prepared on the way; behind a pooler never. */
static void each_gives_its_rows(void **state)
{
    (void)state;
    for (int pooled = 0; pooled < 2; pooled++) {
        struct pgconn *conn = connect_anew();
        conn->pooled = pooled == 1;
        for (int64_t i = 1; i < 4; i++) {
            struct pgexec_args args = PGEXEC_NO_ARGS;
            struct err why = {0};
            pgexec_int(&args, i);
            struct pgstep steps[] = {{.sql = write_sql, .args = &args},
                                     {.sql = number_sql, .args = &args},
                                     {.sql = divide_sql, .args = &args}};
            if (pgsteps_run(conn, steps, countof(steps), &why) != ERR_OK)
                fail_msg("%s", why.text);
            assert_int_equal(PQntuples(steps[0].res), 0);
            assert_int_equal(pgexec_get_int(steps[1].res, 0, 0), i + 1);
            assert_int_equal(pgexec_get_int(steps[2].res, 0, 0), 10 / i);
            free_all(steps, countof(steps));
            assert_int_equal(pgexec_uses(conn, number_sql), pooled == 1 ? 0 : i);
            assert_int_equal(PQtransactionStatus(conn->pg), PQTRANS_IDLE);
        }
        assert_int_equal(written(conn), 3);
        pgconn_free(conn);
    }
}

/* Behind a pooler, too: what a step sets for the transaction is there for those behind it. */
static void a_transaction_that_a_step_begins_is_one(void **state)
{
    static const char set_sql[] = "SELECT set_config('application_name', 'of this transaction', true)";
    static const char ask_sql[] = "SELECT current_setting('application_name'), pg_current_xact_id()::text";
    static const char more_sql[] = "SELECT pg_current_xact_id()::text";
    (void)state;
    for (int pooled = 0; pooled < 2; pooled++) {
        struct err why = {0};
        struct pgconn *conn = connect_anew();
        conn->pooled = pooled == 1;
        conn->reads = true;
        struct pgstep steps[] = {{.sql = begin_sql, .args = &PGEXEC_NO_ARGS},
                                 {.sql = set_sql, .args = &PGEXEC_NO_ARGS},
                                 {.sql = ask_sql, .args = &PGEXEC_NO_ARGS},
                                 {.sql = more_sql, .args = &PGEXEC_NO_ARGS}};
        if (pgsteps_run(conn, steps, countof(steps), &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_int_equal(PQtransactionStatus(conn->pg), PQTRANS_INTRANS);
        assert_string_equal(pgexec_get_text(steps[2].res, 0, 0), "of this transaction");
        assert_string_equal(pgexec_get_text(steps[2].res, 0, 1), pgexec_get_text(steps[3].res, 0, 0));
        free_all(steps, countof(steps));
        pgexec_rollback(conn);
        pgconn_free(conn);
    }
}

/* Whichever of them fails, when it runs or already when it is prepared, and whether they were before. */
static void behind_an_error_nothing_runs(void **state)
{
    (void)state;
    struct pgconn *conn = connect_anew();
    struct pgexec_args zero = PGEXEC_NO_ARGS;
    struct pgexec_args one = PGEXEC_NO_ARGS;
    pgexec_int(&zero, 0);
    pgexec_int(&one, 1);
    for (int round = 0; round < 6; round++) {
        bool unknown = round % 2 == 1;
        struct err why = {0};
        struct pgstep steps[] = {
            {.sql = begin_sql, .args = &PGEXEC_NO_ARGS},
            {.sql = unknown ? unknown_sql : divide_sql, .args = unknown ? &PGEXEC_NO_ARGS : &zero},
            {.sql = write_sql, .args = &one},
            {.sql = end_sql, .args = &PGEXEC_NO_ARGS}};
        assert_int_equal(pgsteps_run(conn, steps, countof(steps), &why), unknown ? ERR_DB_SCHEMA : ERR_DB);
        assert_non_null(strstr(why.text, unknown ? "nowhere" : "zero"));
        assert_string_equal(conn->sqlstate, unknown ? "42P01" : "22012");
        for (size_t i = 0; i < countof(steps); i++)
            assert_null(steps[i].res);
        assert_int_equal(PQtransactionStatus(conn->pg), PQTRANS_INERROR);
        pgexec_rollback(conn);
        assert_int_equal(PQtransactionStatus(conn->pg), PQTRANS_IDLE);
        assert_int_equal(written(conn), 0);
        /* And the next ones do. */
        struct pgstep good[] = {{.sql = number_sql, .args = &one}, {.sql = divide_sql, .args = &one}};
        assert_int_equal(pgsteps_run(conn, good, countof(good), &why), ERR_OK);
        assert_int_equal(pgexec_get_int(good[1].res, 0, 0), 10);
        free_all(good, countof(good));
    }
    pgconn_free(conn);
}

/* More than sockets hold, both ways at once. */
static void large_ones_do_not_stand_in_each_others_way(void **state)
{
    static uint8_t much[8u << 20];
    (void)state;
    for (int bounded = 0; bounded < 2; bounded++) {
        struct pgconn *conn = connect_anew();
        struct pgexec_args args = PGEXEC_NO_ARGS;
        struct pgexec_args one = PGEXEC_NO_ARGS;
        conn->answer_ms = bounded == 1 ? 60000 : 0;
        pgexec_bytes(&args, span_of(much, sizeof much));
        pgexec_int(&one, 1);
        for (int i = 0; i < 2; i++) {
            struct pgstep steps[] = {{.sql = length_sql, .args = &args},
                                     {.sql = number_sql, .args = &one},
                                     {.sql = write_sql, .args = &one}};
            assert_int_equal(pgsteps_run(conn, steps, countof(steps), NULL), ERR_OK);
            assert_int_equal(pgexec_get_int(steps[0].res, 0, 0), sizeof much);
            assert_int_equal(pgexec_get_bytes(steps[0].res, 0, 1).len, sizeof much);
            free_all(steps, countof(steps));
        }
        assert_int_equal(written(conn), 2);
        pgconn_free(conn);
    }
}

/* The server's process ends in the first of them, before them, or stands still. */
static void a_lost_server_is_said_to_be(void **state)
{
    static const char kill_sql[] = "SELECT pg_terminate_backend(pg_backend_pid())";
    static const char other_sql[] = "SELECT pg_terminate_backend($1::int8::int4, 10000)";
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct pgconn *conn = connect_anew();
        struct pgexec_args one = PGEXEC_NO_ARGS;
        struct pgexec_args pid = PGEXEC_NO_ARGS;
        pgexec_int(&one, 1);
        pid_t server = PQbackendPID(conn->pg);
        pgexec_int(&pid, server);
        if (way == 1)
            assert_int_equal(pgexec_do(fixture.db.conn, other_sql, &pid, NULL, NULL), ERR_OK);
        if (way == 2) {
            conn->answer_ms = 300;
            assert_int_equal(kill(server, SIGSTOP), 0);
        }
        struct pgstep steps[] = {{.sql = way == 0 ? kill_sql : begin_sql, .args = &PGEXEC_NO_ARGS},
                                 {.sql = number_sql, .args = &one},
                                 {.sql = write_sql, .args = &one}};
        assert_int_equal(pgsteps_run(conn, steps, countof(steps), NULL), ERR_DB_DOWN);
        if (way == 2)
            assert_int_equal(kill(server, SIGCONT), 0);
        pgexec_rollback(conn);
        assert_int_equal(pgconn_reopen(conn, NULL), ERR_OK);
        assert_int_equal(written(conn), 0);
        conn->answer_ms = 0;
        steps[0] = (struct pgstep){.sql = divide_sql, .args = &one};
        assert_int_equal(pgsteps_run(conn, steps, countof(steps), NULL), ERR_OK);
        free_all(steps, countof(steps));
        assert_int_equal(written(conn), 1);
        pgconn_free(conn);
    }
}

/* libpq sends the first statement and not the second: the server has a name that is not noted here. */
static void a_half_that_was_sent_ends_the_connection(void **state)
{
    (void)state;
    for (int bounded = 0; bounded < 2; bounded++) {
        struct pgconn *conn = connect_anew();
        struct pgexec_args one = PGEXEC_NO_ARGS;
        struct pgexec_args refused = {.count = 70000}; /* more than the protocol can count */
        struct err why = {0};
        PGresult *res;
        conn->answer_ms = bounded == 1 ? 60000 : 0;
        pgexec_int(&one, 1);
        assert_int_equal(pgexec_cached(conn, divide_sql, &one, &res, NULL), ERR_OK);
        PQclear(res);
        struct pgstep steps[] = {{.sql = number_sql, .args = &one}, {.sql = divide_sql, .args = &refused}};
        assert_int_equal(pgsteps_run(conn, steps, countof(steps), &why), ERR_DB_DOWN);
        assert_null(steps[0].res);
        assert_null(steps[1].res);
        assert_int_equal(pgconn_reopen(conn, NULL), ERR_OK);
        steps[1].args = &one;
        assert_int_equal(pgsteps_run(conn, steps, countof(steps), NULL), ERR_OK);
        assert_int_equal(pgexec_get_int(steps[1].res, 0, 0), 10);
        free_all(steps, countof(steps));
        pgconn_free(conn);
    }
}

static void stop_now(int number)
{
    (void)number;
    pgstop_now();
}

/* Until it is told not to. */
static void stop_again_and_again(bool yes)
{
    const struct sigaction action = {.sa_handler = stop_now};
    const suseconds_t every_us = yes ? 50000 : 0;
    const struct itimerval often = {{0, every_us}, {0, every_us}};
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
}

/* The first time it is being prepared when the word comes, then it runs; nothing else ends the wait. */
static void a_word_from_outside_ends_them(void **state)
{
    static atomic_bool stop;
    (void)state;
    for (int bounded = 0; bounded < 2; bounded++) {
        struct pgconn *conn = connect_anew();
        struct pgexec_args one = PGEXEC_NO_ARGS;
        conn->answer_ms = bounded == 1 ? 60000 : 0;
        pgexec_int(&one, 1);
        for (int round = 0; round < 3; round++) {
            struct pgstep steps[] = {{.sql = begin_sql, .args = &PGEXEC_NO_ARGS},
                                     {.sql = read_sql, .args = &PGEXEC_NO_ARGS},
                                     {.sql = write_sql, .args = &one},
                                     {.sql = end_sql, .args = &PGEXEC_NO_ARGS}};
            assert_int_equal(pgexec_script(fixture.db.conn, "BEGIN; LOCK TABLE steps", NULL), ERR_OK);
            pgstop_arm(conn, &stop);
            stop_again_and_again(true);
            enum err_code code = pgsteps_run(conn, steps, countof(steps), NULL);
            stop_again_and_again(false);
            pgstop_disarm(conn);
            assert_int_equal(code, ERR_DB);
            assert_string_equal(conn->sqlstate, "57014");
            pgexec_rollback(conn);
            pgexec_rollback(fixture.db.conn);
            assert_int_equal(PQtransactionStatus(conn->pg), PQTRANS_IDLE);
            assert_int_equal(written(conn), round);
            assert_int_equal(pgsteps_run(conn, steps, countof(steps), NULL), ERR_OK);
            free_all(steps, countof(steps));
            assert_int_equal(written(conn), round + 1);
        }
        pgconn_free(conn);
    }
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
        cmocka_unit_test(each_gives_its_rows),
        cmocka_unit_test(a_transaction_that_a_step_begins_is_one),
        cmocka_unit_test(behind_an_error_nothing_runs),
        cmocka_unit_test(large_ones_do_not_stand_in_each_others_way),
        cmocka_unit_test(a_lost_server_is_said_to_be),
        cmocka_unit_test(a_half_that_was_sent_ends_the_connection),
        cmocka_unit_test(a_word_from_outside_ends_them),
    };
    return cmocka_run_group_tests_name("pgsteps", tests, open_db, close_db);
}
