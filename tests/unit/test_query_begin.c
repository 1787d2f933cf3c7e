/* Where rows can be at all: whatever a writer, a backfill or a person stores is found, although a search
 * leaves partitions alone that hold none. */
#include "tests/fixture/parttest.h"

#include <signal.h>
#include <sys/time.h>

#include "base/dns.h"
#include "db/db_load.h"
#include "db/pgstop.h"
#include "db/query.h"
#include "db/query_begin.h"

#define OLD_S  INT64_C(1600000000)   /* September 2020 */
#define LATE_S INT64_C(253402300799) /* the last second of 9999 */
#define ROOM   (1u << 20)

static enum err_code see(void *arg, const struct query_row *row, struct err *why)
{
    (void)row;
    (void)why;
    ++*(int *)arg;
    return ERR_OK;
}

static enum err_code ask(struct pgconn *conn, const struct batch *batch, int *rows, struct err *why)
{
    char text[80] = "fp:";
    struct query query;
    struct query_result result;
    *rows = 0;
    (void)text_hex(span_of(batch->entries[0].issuance.tbs_fp, 32), text + 3);
    assert_int_equal(query_parse(text, &query, NULL), ERR_OK);
    return query_run(conn, &query, see, rows, &result, why);
}

/* Rows that a search for this fingerprint gives. */
static int found(struct pgconn *conn, const struct batch *batch)
{
    struct err why = {0};
    int rows;
    if (ask(conn, batch, &rows, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return rows;
}

static void look(struct pgconn *conn)
{
    lock(conn);
    assert_int_equal(db_part_note(conn, NULL), ERR_OK);
    assert_int_equal(db_part_unlock(conn, NULL), ERR_OK);
}

/* One issuance that expires at that time. */
static void make(struct storetest *test, struct batch *batch, uint64_t begin, int64_t not_after)
{
    storetest_pairs(batch, &test->log[0], begin, begin, 2);
    for (size_t i = 0; i < 2; i++)
        batch->entries[i].issuance.not_after = not_after;
}

/* Asked on one connection, so that plans are made for the one span and used for the next. */
static void whatever_is_stored_is_found(void **state)
{
    static const int64_t times[] = {1790000000, 1793000000, OLD_S, CERT_TIME_MIN, LATE_S, 1790000001};
    struct storetest test;
    struct store_range range;
    struct batch batch;
    (void)state;
    storetest_new(&test);
    assert_true(batch_init(&batch, ROOM));
    struct pgconn *conn = connect_to(test.dsn);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    check_sql(test.dsn, "SELECT count(*) FROM cert_span WHERE lower = '-infinity' AND upper = 'infinity'", 1);
    look(conn);
    check_sql(test.dsn, "SELECT count(*) FROM cert_span WHERE lower > upper", 1);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < countof(times); i++) {
            make(&test, &batch, range.next, times[i]);
            assert_int_equal(found(conn, &batch), 0);
            storetest_must_commit(store, &range, &batch);
            assert_int_equal(found(conn, &batch), 1);
        }
        storetest_run(test.dsn, "TRUNCATE cert, cert_apex, cert_ip");
        look(conn);
        check_sql(test.dsn, "SELECT count(*) FROM cert_span WHERE lower > upper", 1);
    }
    store->ops->free(store);
    pgconn_free(conn);
    batch_fini(&batch);
}

/* It is not set while somebody has rows that nobody sees yet, and what a person has put in it finds. */
static void others_at_work(void **state)
{
    struct storetest test;
    struct pgexec_args none = PGEXEC_NO_ARGS;
    struct batch batch;
    (void)state;
    storetest_new(&test);
    assert_true(batch_init(&batch, ROOM));
    make(&test, &batch, 0, OLD_S);
    struct pgconn *conn = connect_to(test.dsn);
    struct pgconn *other = connect_to(test.dsn);
    look(conn);
    assert_int_equal(pgexec_begin(other, NULL), ERR_OK);
    assert_int_equal(
        pgexec_script(
            other,
            "INSERT INTO cert (not_after, not_before, first_seen, apex8, idx, facts, issuer, log,"
            " tbs_fp, serial, spki_sha256, names) VALUES ('2020-09-13Z', '2020-06-01Z', now(), 1, 0,"
            " 0, 1, 1, '\\x00', '\\x01', '\\x02', 'test.a')",
            NULL),
        ERR_OK);
    int64_t done = 1;
    assert_int_equal(pgexec_number(conn, "SELECT span_look()::int", &none, &done, NULL), ERR_OK);
    assert_int_equal(done, 0);
    assert_int_equal(pgexec_commit(other, NULL), ERR_OK);
    storetest_run(test.dsn, "INSERT INTO partition_job (kind, sources, targets, edges, bytes)"
                            " VALUES ('seal', '{}', '{}', '{}', 0)");
    assert_int_equal(pgexec_number(conn, "SELECT span_look()::int", &none, &done, NULL), ERR_OK);
    assert_int_equal(done, 0);
    storetest_run(test.dsn, "DELETE FROM partition_job");
    check_sql(test.dsn, "SELECT count(*) FROM cert_span WHERE lower > upper", 1);
    look(conn);
    check_sql(test.dsn,
              "SELECT count(*) FROM cert_span WHERE lower <= '2020-09-13Z' AND upper > '2020-09-13Z'", 1);
    pgconn_free(conn);
    pgconn_free(other);
    batch_fini(&batch);
}

static void a_backfill_is_found(void **state)
{
    static const struct db_load_how how = {.wait_ms = 20000};
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    (void)state;
    storetest_new(&test);
    assert_true(batch_init(&batch, ROOM));
    struct pgconn *conn = connect_to(test.dsn);
    struct pgconn *sealer = connect_to(test.dsn);
    look(conn);
    struct store *store = storetest_open(test.dsn);
    assert_int_equal(store_pg_load(store, &why), ERR_OK);
    storetest_take(store, 1, &range);
    make(&test, &batch, 0, OLD_S);
    storetest_must_commit(store, &range, &batch);
    assert_int_equal(found(conn, &batch), 0);
    look(conn); /* rows that wait are in no partition */
    if (db_load_seal(sealer, &how, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(found(conn, &batch), 1);
    store->ops->free(store);
    pgconn_free(sealer);
    pgconn_free(conn);
    batch_fini(&batch);
}

/* A page that is asked for twice, because the span grew, has the time of one. */
static void the_second_try_has_what_is_left(void **state)
{
    static const struct query_sql slow = {
        .name = "slow",
        .page =
            "SELECT setting::int8, pg_sleep(0.05)::text FROM pg_settings WHERE name = 'statement_timeout'"};
    struct storetest test;
    struct query query;
    struct query_asked asked;
    struct query_bounds bounds = {.limit = 10};
    struct err why = {0};
    struct query_hits hits = {0};
    char text[68] = "fp:";
    (void)state;
    storetest_new(&test);
    memset(text + 3, 'a', 64);
    struct pgconn *conn = connect_to(test.dsn);
    assert_int_equal(query_parse(text, &query, NULL), ERR_OK);
    assert_int_equal(query_asked_init(&asked, conn, &query, &why), ERR_OK);
    asked.sql = &slow;
    conn->span_known = true;
    conn->span_begin_ms = 1000;
    conn->span_end_ms = 2000;
    if (query_begin_page(conn, &asked, 60000, &bounds, &hits, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(pgexec_get_int(hits.res, 0, 0) > 0);
    assert_true(pgexec_get_int(hits.res, 0, 0) < 60000); /* it was 60000 in the first try, which slept */
    assert_true(bounds.span_begin_ms < 1000);
    query_begin_hits_free(&hits);
    pgexec_rollback(conn);
    query_asked_fini(&asked);
    pgconn_free(conn);
}

static atomic_bool stop;

static void stop_now(int number)
{
    (void)number;
    atomic_store(&stop, true);
    pgstop_now();
}

static void stop_again_and_again(bool yes)
{
    const struct sigaction action = {.sa_handler = stop_now};
    const suseconds_t every_us = yes ? 50000 : 0;
    const struct itimerval often = {{0, every_us}, {0, every_us}};
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
}

/* Somebody else has the table to himself: only the word ends the wait, or that nothing is asked. */
static void must_stop(struct pgconn *conn, struct pgconn *other, const struct batch *batch, bool before)
{
    struct err why = {0};
    int rows;
    assert_int_equal(pgexec_script(other, "BEGIN; LOCK TABLE cert", NULL), ERR_OK);
    atomic_store(&stop, before);
    pgstop_arm(conn, &stop);
    stop_again_and_again(!before);
    enum err_code code = ask(conn, batch, &rows, &why);
    stop_again_and_again(false);
    pgstop_disarm(conn);
    pgexec_rollback(other);
    if (code != ERR_CLOSED)
        fail_msg("%d: %s", (int)code, why.text);
    assert_non_null(strstr(why.text, "interrupted"));
    assert_int_equal(strstr(why.text, "was told to stop") == NULL, before);
    assert_int_equal(rows, 0);
    assert_int_equal(PQtransactionStatus(conn->pg), PQTRANS_IDLE);
}

/* The first page of a connection asks step by step, the others in one trip; behind a pooler all do. */
static void who_is_interrupted_says_so(void **state)
{
    struct storetest test;
    struct store_range range;
    struct batch batch;
    (void)state;
    storetest_new(&test);
    assert_true(batch_init(&batch, ROOM));
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    make(&test, &batch, range.next, OLD_S);
    storetest_must_commit(store, &range, &batch);
    struct pgconn *other = connect_to(test.dsn);
    for (int pooled = 0; pooled < 2; pooled++) {
        struct pgconn *conn = connect_to(test.dsn);
        conn->pooled = pooled == 1;
        for (int round = 0; round < 3; round++) {
            must_stop(conn, other, &batch, false);
            must_stop(conn, other, &batch, true);
            assert_int_equal(found(conn, &batch), 1);
            assert_true(conn->span_known);
        }
        pgconn_free(conn);
    }
    pgconn_free(other);
    store->ops->free(store);
    batch_fini(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_stored_is_found), cmocka_unit_test(others_at_work),
        cmocka_unit_test(a_backfill_is_found),         cmocka_unit_test(the_second_try_has_what_is_left),
        cmocka_unit_test(who_is_interrupted_says_so),
    };
    if (dns_psl_load(SPAN_NONE, NULL) != ERR_OK)
        return 1;
    return storetest_main(tests, countof(tests), "query_begin");
}
