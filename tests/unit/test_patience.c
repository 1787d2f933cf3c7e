/* A process that was stopped in the middle of a transaction holds rows: nobody waits for it for long, and
 * what it held is called somebody else's, never an error of the log. It is a connection here that says
 * nothing. */
#include <sys/socket.h>

#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "base/limits.h"
#include "db/patience.h"
#include "db/pgstore.h"

struct fixture {
    struct storetest test;
    struct store *store;
    PGconn *stopped;
    struct store_range range;
    struct batch batch;
    struct err why;
};

static void say(PGconn *pg, const char *sql, ExecStatusType expected)
{
    PGresult *res = PQexec(pg, sql);
    if (PQresultStatus(res) != expected)
        fail_msg("%s: %s", sql, PQerrorMessage(pg));
    PQclear(res);
}

static void stop_with(struct fixture *fix, const char *sql)
{
    fix->stopped = PQconnectdb(fix->test.dsn);
    say(fix->stopped, "BEGIN", PGRES_COMMAND_OK);
    say(fix->stopped, sql, PGRES_TUPLES_OK);
}

static void wake(struct fixture *fix)
{
    say(fix->stopped, "ROLLBACK", PGRES_COMMAND_OK);
    PQfinish(fix->stopped);
}

static void fixture_start(struct fixture *fix)
{
    *fix = (struct fixture){0};
    storetest_new(&fix->test);
    fix->store = storetest_open(fix->test.dsn);
    assert_true(batch_init(&fix->batch, STORETEST_BATCH_BYTES));
    storetest_take(fix->store, 1, &fix->range);
    storetest_pairs(&fix->batch, &fix->test.log[0], 0, 0, 20);
    storetest_must_commit(fix->store, &fix->range, &fix->batch);
    batch_reset(&fix->batch);
    storetest_pairs(&fix->batch, &fix->test.log[0], 20, 20, 20);
}

static void fixture_end(struct fixture *fix)
{
    storetest_check(fix->test.dsn);
    batch_fini(&fix->batch);
    fix->store->ops->free(fix->store);
}

static void check_ok(const struct fixture *fix, enum err_code code)
{
    if (code != ERR_OK)
        fail_msg("%s", fix->why.text);
}

/* With everything that may be asked of a range whose row somebody has. */
static void who_has_the_row_is_not_waited_for(void **state)
{
    (void)state;
    struct fixture fix;
    struct compact frontier;
    struct store_range theirs;
    bool cut = true;
    bool taken = true;
    enum store_meet met;
    fixture_start(&fix);
    const struct store_ops *ops = fix.store->ops;
    stop_with(&fix, "SELECT 1 FROM log_range WHERE log = 1 FOR UPDATE");
    int64_t begin_ms = clock_mono_ms();
    assert_int_equal(storetest_commit(fix.store, &fix.range, &fix.batch, &fix.why), ERR_DB_CONFLICT);
    storetest_compact(&frontier, 20);
    struct store_settle settle = {
        .range = &fix.range, .next = 20, .frontier = &frontier, .has_verified = true, .verified = &frontier};
    settle.verified_head.size = 20;
    assert_int_equal(ops->verified(fix.store, &settle, &fix.why), ERR_DB_CONFLICT);
    assert_int_equal(ops->range_meet(fix.store, &fix.range, false, &met, &fix.why), ERR_DB_CONFLICT);
    assert_int_equal(ops->range_split(fix.store, &fix.range, 512, &cut, &fix.why), ERR_DB_CONFLICT);
    assert_false(cut);
    assert_int_equal(ops->range_frontier(fix.store, &fix.range, &frontier, &fix.why), ERR_DB_CONFLICT);
    theirs = fix.range;
    assert_int_equal(ops->range_take(fix.store, &theirs, &taken, &fix.why), ERR_NOT_FOUND);
    assert_false(taken);
    /* Six times, none of them as long as the database would let them wait for another row. */
    assert_true(clock_mono_ms() - begin_ms < 1000 * LIMIT_DB_LOCK_S);
    wake(&fix);
    storetest_must_commit(fix.store, &fix.range, &fix.batch);
    check_sql(fix.test.dsn, "SELECT next FROM log_range WHERE log = 1", 40);
    fixture_end(&fix);
}

/* Two that would make ranges at once: the row of the log decides, and is not waited for at all. */
static void who_has_the_log_is_not_waited_for(void **state)
{
    (void)state;
    struct fixture fix;
    bool cut = true;
    fixture_start(&fix);
    stop_with(&fix, "SELECT 1 FROM log WHERE id = 1 FOR NO KEY UPDATE");
    check_ok(&fix, fix.store->ops->range_split(fix.store, &fix.range, 512, &cut, &fix.why));
    assert_false(cut);
    /* Rows of the log itself go on. */
    storetest_must_commit(fix.store, &fix.range, &fix.batch);
    wake(&fix);
    check_ok(&fix, fix.store->ops->range_split(fix.store, &fix.range, 512, &cut, &fix.why));
    assert_true(cut);
    fixture_end(&fix);
}

static void look(struct fixture *fix, size_t expected)
{
    struct store_range ranges[LIMIT_RANGES];
    size_t count = 0;
    check_ok(fix, fix->store->ops->ranges(fix->store, 1, ranges, countof(ranges), &count, &fix->why));
    assert_int_equal(count, expected);
}

/* What is in the ledger waits there while somebody has it; whoever asks for the ranges of the log gets them.
 */
static void what_was_not_stored_waits_for_who_has_it(void **state)
{
    static const char *const holds[] = {
        "SELECT 1 FROM log_gap FOR UPDATE",
        "SELECT 1 FROM log_range WHERE log = 1 FOR UPDATE",
        "SELECT 1 FROM log WHERE id = 1 FOR NO KEY UPDATE",
        "SELECT 1 FROM alert FOR UPDATE",
    };
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    store_pg_guard(fix.store, 101, "/tmp");
    storetest_must_commit(fix.store, &fix.range, &fix.batch);
    batch_reset(&fix.batch);
    storetest_pairs(&fix.batch, &fix.test.log[0], 40, 40, 20);
    store_pg_guard(fix.store, 0, "/tmp");
    storetest_must_commit(fix.store, &fix.range, &fix.batch);
    storetest_run(fix.test.dsn, "UPDATE log_range SET verified = next, verified_frontier = frontier");
    int64_t begin_ms = clock_mono_ms();
    for (size_t i = 0; i < countof(holds); i++) {
        stop_with(&fix, holds[i]);
        look(&fix, 1);
        check_sql(fix.test.dsn, "SELECT count(*) FROM log_gap", 1);
        wake(&fix);
    }
    assert_true(clock_mono_ms() - begin_ms < 1000 * LIMIT_DB_LOCK_S);
    look(&fix, 3);
    check_sql(fix.test.dsn, "SELECT count(*) FROM log_gap", 0);
    fixture_end(&fix);
}

static void who_has_his_range_waits_for_other_rows(void **state)
{
    (void)state;
    struct fixture fix;
    struct pgconn *conn;
    int64_t ms = 0;
    static const char setting[] = "SELECT setting::int8 FROM pg_settings WHERE name = 'lock_timeout'";
    fixture_start(&fix);
    check_ok(&fix, pgconn_open(fix.test.dsn, &conn, &fix.why));
    check_ok(&fix, patience_session(conn, &fix.why));
    check_ok(&fix, patience_begin(conn, &fix.why));
    check_ok(&fix, pgexec_number(conn, setting, &PGEXEC_NO_ARGS, &ms, &fix.why));
    assert_int_equal(ms, 1000 * LIMIT_DB_ROW_S);
    check_ok(&fix, patience_lock(conn, fix.range.id, fix.range.next, fix.range.epoch, &fix.why));
    check_ok(&fix, pgexec_number(conn, setting, &PGEXEC_NO_ARGS, &ms, &fix.why));
    assert_int_equal(ms, 1000 * LIMIT_DB_LOCK_S);
    assert_int_equal(patience_lock(conn, fix.range.id, fix.range.next + 1, fix.range.epoch, &fix.why),
                     ERR_DB_CONFLICT);
    assert_int_equal(patience_lock(conn, fix.range.id, fix.range.next, fix.range.epoch + 1, &fix.why),
                     ERR_DB_CONFLICT);
    pgexec_rollback(conn);
    pgconn_free(conn);
    fixture_end(&fix);
}

/* The server ends no session in the middle of a COPY; who wants the range does. */
static void who_is_silent_in_a_copy_is_ended(void **state)
{
    (void)state;
    struct fixture fix;
    struct pgconn *conn;
    struct store_range theirs;
    bool taken = false;
    char sql[128];
    fixture_start(&fix);
    check_ok(&fix, pgconn_open(fix.test.dsn, &conn, &fix.why));
    fix.store->ops->range_drop(fix.store, &fix.range);
    (void)snprintf(sql, sizeof sql, "SELECT pg_advisory_lock((1668576617::int8 << 32) | %d)",
                   (int)fix.range.id);
    stop_with(&fix, sql);
    patience_end(conn, fix.range.id, 0); /* it may be at work: not in a COPY */
    assert_int_equal(PQtransactionStatus(fix.stopped), PQTRANS_INTRANS);
    say(fix.stopped, "CREATE TEMPORARY TABLE silent (x int8)", PGRES_COMMAND_OK);
    say(fix.stopped, "SELECT 1 FROM log_range WHERE log = 1 FOR UPDATE", PGRES_TUPLES_OK);
    say(fix.stopped, "COPY silent FROM STDIN", PGRES_COPY_IN);
    patience_end(conn, fix.range.id + 1, 0); /* another one's */
    patience_end(conn, fix.range.id, LIMIT_DB_COPY_S);
    theirs = fix.range;
    check_ok(&fix, fix.store->ops->range_take(fix.store, &theirs, &taken, &fix.why));
    assert_false(taken);
    patience_end(conn, fix.range.id, 0);
    for (int i = 0; i < 1200 && !taken; i++) {
        if (i != 0)
            clock_sleep_ms(50);
        enum err_code code = fix.store->ops->range_take(fix.store, &theirs, &taken, &fix.why);
        assert_true(code == ERR_OK || code == ERR_NOT_FOUND);
    }
    assert_true(taken);
    fix.range = theirs;
    storetest_must_commit(fix.store, &fix.range, &fix.batch);
    PQfinish(fix.stopped);
    pgconn_free(conn);
    fixture_end(&fix);
}

static void let_server(pid_t pid, int signal)
{
    assert_int_equal(kill(pid, signal), 0);
}

/* The process of the server that serves the store stands still, as one does that waits for a disk: the store
 * leaves it, says that the database is away, and stores the same by another session. */
static void a_server_that_stands_still_is_left(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    struct pgstore *pg = (struct pgstore *)fix.store;
    pid_t pid = PQbackendPID(pg->conn->pg);
    assert_true(pid > 1);
    pg->conn->answer_ms = 300;
    let_server(pid, SIGSTOP);
    enum err_code code = storetest_commit(fix.store, &fix.range, &fix.batch, &fix.why);
    assert_int_equal(code, ERR_DB_DOWN);
    let_server(pid, SIGCONT);
    check_sql(fix.test.dsn, "SELECT next FROM log_range WHERE log = 1", 20);
    for (int i = 0;
         i < 600 && (code = storetest_commit(fix.store, &fix.range, &fix.batch, &fix.why)) != ERR_OK; i++)
        (void)usleep(100000);
    check_ok(&fix, code);
    check_sql(fix.test.dsn, "SELECT next FROM log_range WHERE log = 1", 40);
    fixture_end(&fix);
}

/* The same of the rows of a COPY, more than a socket holds, and of every other way to ask. */
static void it_is_left_in_each_statement(void **state)
{
    (void)state;
    static uint8_t much[8u << 20];
    struct storetest test;
    storetest_new(&test);
    for (int way = 0; way < 6; way++) {
        struct err why = {0};
        struct pgconn *conn = NULL;
        PGresult *res = NULL;
        struct pgexec_args args = PGEXEC_NO_ARGS;
        enum err_code code;
        assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
        conn->answer_ms = 300;
        pid_t pid = PQbackendPID(conn->pg);
        pgexec_bytes(&args, span_of(much, sizeof much));
        if (way == 3) {
            assert_int_equal(pgexec_script(conn, "CREATE TEMP TABLE t (b text)", &why), ERR_OK);
            assert_int_equal(pgexec_copy_begin(conn, "COPY t FROM STDIN", &why), ERR_OK);
            memset(much, 'x', sizeof much);
        }
        if (way == 4) {
            assert_int_equal(pgexec_script(conn, "CREATE TEMP TABLE t (b text)", &why), ERR_OK);
            assert_int_equal(pgexec_copy_begin(conn, "COPY t FROM STDIN", &why), ERR_OK);
        }
        let_server(pid, SIGSTOP);
        switch (way) {
        case 0:
            code = pgexec_script(conn, "SELECT 1", &why);
            break;
        case 1:
            code = pgexec_run(conn, "SELECT length($1::bytea)", &args, &res, &why);
            break;
        case 2:
            code = pgexec_cached(conn, "SELECT length($1::bytea) + 1", &args, &res, &why);
            break;
        case 3:
            code = pgexec_copy_put(conn, span_of(much, sizeof much), &why);
            break;
        case 4: /* the socket is full, the library holds nothing back */
            while (send(PQsocket(conn->pg), "d\0\0\0\006x\n", 7, MSG_DONTWAIT | MSG_NOSIGNAL) == 7)
                ;
            code = pgexec_copy_end(conn, NULL, &why);
            break;
        default:
            code = pgexec_begin(conn, &why);
        }
        assert_int_equal(code, ERR_DB_DOWN);
        let_server(pid, SIGCONT);
        assert_int_equal(pgconn_reopen(conn, &why), ERR_OK);
        conn->answer_ms = 60000;
        assert_int_equal(pgexec_run(conn, "SELECT length($1::bytea)", &args, &res, &why), ERR_OK);
        assert_int_equal(pgexec_get_int(res, 0, 0), sizeof much);
        PQclear(res);
        pgconn_free(conn);
    }
}

/* Who changes something and is stopped in the middle of it is ended by the server; who reads is not. */
static void nobody_keeps_rows_for_ever(void **state)
{
    (void)state;
    struct storetest test;
    struct err why = {0};
    struct pgconn *conn = NULL;
    char text[16];
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    for (int i = 0; i < 2; i++) {
        PGresult *res = NULL;
        assert_int_equal(i == 0 ? pgexec_begin(conn, &why)
                                : pgexec_begin_as(conn, "BEGIN READ ONLY;" PGEXEC_IDLE_LONG, &why),
                         ERR_OK);
        assert_int_equal(
            pgexec_run(conn, "SHOW idle_in_transaction_session_timeout", &PGEXEC_NO_ARGS, &res, &why),
            ERR_OK);
        (void)snprintf(text, sizeof text, "%s", pgexec_get_text(res, 0, 0));
        assert_string_equal(text, i == 0 ? "2min" : "0");
        PQclear(res);
        assert_int_equal(pgexec_commit(conn, &why), ERR_OK);
    }
    pgconn_free(conn);
}

static enum err_code long_rematch(void *arg, struct batch **batches, size_t count, uint64_t generation,
                                  struct err *why)
{
    unsigned *calls = arg;
    (void)why;
    ++*calls;
    clock_sleep_ms((LIMIT_DB_TX_IDLE_S + 1) * 1000);
    for (size_t i = 0; i < count; i++)
        batches[i]->watch_generation = generation;
    return ERR_OK;
}

/* Many domains were changed, and are read again in the commit: it is not taken for stopped. */
static void who_reads_the_domains_again_is_not_stopped(void **state)
{
    (void)state;
    struct fixture fix;
    struct batch *list = &fix.batch;
    struct compact frontier;
    unsigned calls = 0;
    fixture_start(&fix);
    storetest_run(fix.test.dsn, "UPDATE domain_generation SET generation = generation + 1");
    fix.batch.watch_generation = 1;
    storetest_compact(&frontier, fix.batch.end);
    struct store_settle settle = {.range = &fix.range,
                                  .batches = &list,
                                  .count = 1,
                                  .next = fix.batch.end,
                                  .frontier = &frontier,
                                  .rematch = long_rematch,
                                  .rematch_arg = &calls};
    if (fix.store->ops->commit(fix.store, &settle, &fix.why) != ERR_OK)
        fail_msg("%s", fix.why.text);
    assert_int_equal(calls, 1);
    fixture_end(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_the_row_is_not_waited_for),
        cmocka_unit_test(who_has_the_log_is_not_waited_for),
        cmocka_unit_test(what_was_not_stored_waits_for_who_has_it),
        cmocka_unit_test(who_has_his_range_waits_for_other_rows),
        cmocka_unit_test(who_is_silent_in_a_copy_is_ended),
        cmocka_unit_test(a_server_that_stands_still_is_left),
        cmocka_unit_test(it_is_left_in_each_statement),
        cmocka_unit_test(nobody_keeps_rows_for_ever),
        cmocka_unit_test(who_reads_the_domains_again_is_not_stopped),
    };
    return storetest_main(tests, countof(tests), "patience");
}
