/* Search when the database can not answer: in words, in time, and the connection is as good as before. */
#include "tests/fixture_cert.h"

#include "db/pgexec.h"
#include "db/query.h"
#include "tests/fixture/pgtest.h"

static struct fixture_db fixture;

static enum err_code see(void *arg, const struct query_row *row, struct err *why)
{
    (void)arg;
    (void)row;
    (void)why;
    return ERR_OK;
}

static enum err_code fail_with(const char *typed, struct err *why)
{
    struct query query;
    struct query_result result;
    assert_int_equal(query_parse(typed, &query, NULL), ERR_OK);
    enum err_code code = query_run(fixture.db.conn, &query, see, NULL, &result, why);
    assert_int_not_equal(code, ERR_OK);
    assert_null(strstr(why->text, "SELECT"));
    assert_null(strstr(why->text, "relation"));
    assert_null(strstr(why->text, "permission denied"));
    assert_null(strchr(why->text, '"'));
    assert_int_equal(PQtransactionStatus(fixture.db.conn->pg), PQTRANS_IDLE);
    return code;
}

static void errors_are_told_in_words(void **state)
{
    (void)state;
    static const char *const typed[] = {"example.com", "serial:01", "192.0.2.1",
                                        "org:x",       "issuer:x",  "text:x"};
    fixture_sql(fixture.db.conn, "CREATE ROLE nobody_here; SET ROLE nobody_here");
    for (size_t i = 0; i < countof(typed); i++) {
        struct err why = {0};
        assert_int_equal(fail_with(typed[i], &why), ERR_DB);
        assert_non_null(strstr(why.text, "may not read"));
    }
    fixture_sql(fixture.db.conn,
                "RESET ROLE; DROP ROLE nobody_here; ALTER TABLE cert RENAME COLUMN names TO names_;"
                "ALTER TABLE search_since RENAME TO since_; ALTER TABLE issuer RENAME TO issuer_");
    fixture_sql(fixture.db.conn, "DISCARD PLANS");
    for (size_t i = 0; i < countof(typed); i++) {
        struct err why = {0};
        assert_int_equal(fail_with(typed[i], &why), ERR_DB_SCHEMA);
        assert_non_null(strstr(why.text, "ctvigil db migrate"));
    }
    fixture_sql(fixture.db.conn,
                "ALTER TABLE cert RENAME COLUMN names_ TO names;"
                "ALTER TABLE since_ RENAME TO search_since; ALTER TABLE issuer_ RENAME TO issuer");
}

/* A look that takes too long ends, and says where it stands. */
static void time_is_bounded(void **state)
{
    (void)state;
    struct query query;
    struct query_result result;
    struct err why = {0};
    assert_int_equal(query_parse("example.com", &query, NULL), ERR_OK);
    query.timeout_ms = 300;
    pid_t locker = fork();
    if (locker == 0) {
        bool held =
            pgtest_sql(fixture.db.dsn, "BEGIN; LOCK TABLE cert; SELECT pg_sleep(600); COMMIT", NULL, 0);
        _exit(held ? 0 : 1);
    }
    for (int i = 0; i < 3000; i++) {
        int64_t locks =
            pgtest_count(fixture.db.dsn, "SELECT count(*) FROM pg_locks WHERE relation = 'cert'::regclass"
                                         " AND mode = 'AccessExclusiveLock' AND granted");
        if (locks != 0)
            break;
        (void)usleep(10000);
    }
    assert_int_equal(query_run(fixture.db.conn, &query, see, NULL, &result, &why), ERR_TIMEOUT);
    assert_non_null(strstr(why.text, "db.query_timeout_s"));
    assert_true(pgtest_sql(fixture.db.dsn,
                           "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'cert'::regclass"
                           " AND mode = 'AccessExclusiveLock' AND granted",
                           NULL, 0));
    assert_int_equal(waitpid(locker, NULL, 0), locker);
}

/* A time-out as short as the statement it was set for: the next search must not meet what is left of it. */
static void short_times_leave_nothing_behind(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        struct query query;
        struct query_result result;
        assert_int_equal(query_parse(i % 2 == 0 ? "example.com" : "text:x", &query, NULL), ERR_OK);
        query.timeout_ms = 1 + i % 12;
        enum err_code code = query_run(fixture.db.conn, &query, see, NULL, &result, NULL);
        assert_true(code == ERR_OK || code == ERR_TIMEOUT);
        assert_int_equal(PQtransactionStatus(fixture.db.conn->pg), PQTRANS_IDLE);
    }
}

static int open_all(void **state)
{
    (void)state;
    static const struct fixture_cert cert = {0, "example.com", "2025-06-01 00:00:00+00", NULL};
    fixture_db_open(&fixture);
    fixture_logs(fixture.db.conn);
    fixture_cert_put(fixture.db.conn, &cert);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_told_in_words),
        cmocka_unit_test(time_is_bounded),
        cmocka_unit_test(short_times_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
