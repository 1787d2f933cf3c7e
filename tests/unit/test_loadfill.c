/* A leaf is built in the memory that was given for it, whatever is in it; what is damaged is named; and who
 * waits for others can be stopped. */
#include "tests/fixture/storetest.h"

#include "base/limits.h"
#include "base/thread.h"
#include "db/db_load.h"
#include "db/loadfill.h"
#include "db/pgexec.h"

#define OLD_S INT64_C(1600000000) /* September 2020 */
#define ROWS  2000
#define MOST  ((size_t)64 << 10)
#define ONE   ((size_t)1 << 10) /* a row, at the most */

#define BEGIN_SQL                                                                                            \
    "SELECT load_close(); SELECT partition_begin('load', ARRAY[l.suffix], ARRAY[l.lower, l.upper])"          \
    " FROM load_leaves(1) AS l"

/* Expired issuances of one domain, all of one leaf: so many are put down. */
static struct pgconn *begun(struct storetest *test, const char *before)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    struct store_range range;
    struct batch batch;
    storetest_new(test);
    struct store *store = storetest_open(test->dsn);
    assert_int_equal(store_pg_load(store, &why), ERR_OK);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_take(store, 1, &range);
    storetest_pairs(&batch, &test->log[0], 0, 0, 64);
    for (size_t i = 0; i < 64; i++) {
        batch.entries[i].issuance.not_before = OLD_S;
        batch.entries[i].issuance.not_after = OLD_S + 90 * 86400;
    }
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
    storetest_run(test->dsn, before);
    storetest_run(test->dsn, BEGIN_SQL);
    assert_int_equal(pgconn_open(test->dsn, &conn, &why), ERR_OK);
    return conn;
}

/* A row that is in the leaf already: the keys of it are looked for, by the reader alone. */
static const char one_sql[] = "INSERT INTO cert SELECT l.lower, l.lower - interval '90 days', now(), 7, 1, "
                              "0, 1, 1, sha256('a'), '\\x01',"
                              " sha256('k'), 'test.x' FROM (SELECT * FROM load_leaves(1) LIMIT 1) AS l";

/* The leaf is full of one domain already: nothing of that is in what load_sizes sums up. A pass has hundreds
 * of rows, so that chance alone does not make it too large. */
static void fit_one_domain(bool alone)
{
    static const char full_sql[] =
        "INSERT INTO cert SELECT l.lower, l.lower - interval '90 days', now(), 7, i, 0, 1, 1,"
        " sha256(i::text::bytea), '\\x01', sha256('k'), 'test.x' FROM generate_series(1, 2000) AS i CROSS "
        "JOIN"
        " (SELECT * FROM load_leaves(1) LIMIT 1) AS l";
    const struct loadfill_how how = {.closed = 1, .most = 4 * MOST, .alone = alone};
    struct storetest test;
    struct err why = {0};
    size_t peak = 0;
    struct pgconn *conn = begun(&test, full_sql);
    storetest_run(test.dsn, "UPDATE partition_job SET bytes = 16");
    if (loadfill_run(conn, &how, &peak, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(peak > 2 * MOST);
    assert_true(peak <= 4 * MOST + 2 * ONE);
    check_sql(test.dsn, "SELECT count(*) FROM cert_build", ROWS + 32);
    check_sql(test.dsn, "SELECT count(DISTINCT tbs_fp) FROM cert_build", ROWS + 32);
    check_sql(test.dsn, "SELECT count(*) FROM load_old", ROWS);
    check_sql(test.dsn, "SELECT sum(n) FROM load_count", 32);
    pgconn_free(conn);
}

/* Read ahead over a second connection, and over one where there is no other to be had. */
static void a_leaf_of_one_domain_fits_into_memory(void **state)
{
    (void)state;
    fit_one_domain(false);
    fit_one_domain(true);
}

static void what_is_damaged_is_named(void **state)
{
    (void)state;
    struct loadbad bad = {0};
    const struct loadfill_how how = {.closed = 1, .most = MOST, .bad = &bad};
    struct storetest test;
    struct err why = {0};
    size_t peak = 0;
    char named[256];
    struct pgconn *conn = begun(&test, "UPDATE cert_load_run SET rows = substring(rows FOR length(rows) - 1)"
                                       " WHERE ctid = (SELECT min(ctid) FROM cert_load_run WHERE kind = 0)");
    assert_int_equal(loadfill_run(conn, &how, &peak, &why), ERR_DB);
    assert_true(pgtest_sql(test.dsn,
                           "SELECT format('database: partition %s: what a backfill put down is damaged: "
                           "cert_load_run, slot %s, kind %s, bucket %s, ctid %s', j.targets[1], r.slot,"
                           " r.kind, r.bucket, r.ctid) FROM cert_load_run AS r CROSS JOIN partition_job AS j"
                           " WHERE r.kind = 0 ORDER BY r.xmin::text::int8 DESC LIMIT 1",
                           named, sizeof named));
    assert_string_equal(why.text, named);
    assert_true(bad.found && bad.slot == 1 && bad.kind == 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert_build", 0);
    pgconn_free(conn);
}

/* Fewer rows come than there are: nothing is built, since the rest would be dropped with its slot. */
static void what_is_not_read_is_told(void **state)
{
    static const char fewer_sql[] =
        "ALTER FUNCTION load_sizes(int8, timestamptz, timestamptz) RENAME TO load_sizes_of;"
        "CREATE FUNCTION load_sizes(closed int8, low timestamptz, high timestamptz) RETURNS TABLE (kind "
        "int8, bucket"
        " int8, bytes int8, held bool, loose bool, rows int8) LANGUAGE sql STABLE AS 'SELECT s.kind, "
        "s.bucket,"
        " s.bytes, s.held, s.loose, s.rows + 1 FROM load_sizes_of(closed, low, high) AS s'";
    (void)state;
    for (int alone = 0; alone < 2; alone++) {
        struct loadbad bad = {0};
        const struct loadfill_how how = {.closed = 1, .most = MOST, .alone = alone != 0, .bad = &bad};
        struct storetest test;
        struct err why = {0};
        size_t peak = 0;
        struct pgconn *conn = begun(&test, fewer_sql);
        assert_int_equal(loadfill_run(conn, &how, &peak, &why), ERR_DB);
        assert_false(bad.found);
        assert_non_null(strstr(why.text, "were read: they stay where they are"));
        check_sql(test.dsn, "SELECT count(*) FROM cert_build", 0);
        check_sql(test.dsn, "SELECT count(*) FROM partition_job WHERE step = 'begun'", 1);
        pgconn_free(conn);
    }
}

struct stopper {
    const char *dsn;
    atomic_bool stop;
};

static void stop_who_waits(void *arg)
{
    struct stopper *stopper = arg;
    while (pgtest_count(stopper->dsn, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
        (void)usleep(10000);
    atomic_store(&stopper->stop, true);
}

/* A dump reads every table, for hours. */
static void who_waits_for_a_dump_can_be_stopped(void **state)
{
    (void)state;
    struct storetest test;
    struct thread thread;
    struct err why = {0};
    size_t peak = 0;
    struct pgconn *dump = NULL;
    struct pgconn *conn = begun(&test, "SELECT");
    struct stopper stopper = {.dsn = test.dsn};
    const struct loadfill_how how = {.closed = 1, .most = MOST, .stop = &stopper.stop};
    assert_int_equal(pgconn_open(test.dsn, &dump, &why), ERR_OK);
    assert_int_equal(pgexec_script(dump, "BEGIN; LOCK TABLE load_count IN ACCESS SHARE MODE", &why), ERR_OK);
    /* Who does not look whether he is stopped fails here instead of waiting for ever. */
    assert_int_equal(pgexec_script(conn, "SET lock_timeout = '60s'", &why), ERR_OK);
    assert_true(thread_start(&thread, "stopper", stop_who_waits, &stopper));
    assert_int_equal(loadfill_run(conn, &how, &peak, &why), ERR_CLOSED);
    thread_join(&thread);
    pgconn_free(dump);
    pgconn_free(conn);
}

static void end_who_waits(void *arg)
{
    struct stopper *stopper = arg;
    while (pgtest_count(stopper->dsn,
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE NOT granted") == 0)
        (void)usleep(10000);
}

/* While the one that reads ahead waits for a lock: it can be stopped, and when it is lost that is said, and
 * nothing is built. Nobody is left behind that holds up the next one. */
static void who_reads_ahead_can_be_lost(void **state)
{
    static void (*const ways[])(void *arg) = {stop_who_waits, end_who_waits};
    static const enum err_code codes[] = {ERR_CLOSED, ERR_DB};
    (void)state;
    for (size_t i = 0; i < countof(ways); i++) {
        struct storetest test;
        struct thread thread;
        struct err why = {0};
        size_t peak = 0;
        struct pgconn *holder = NULL;
        struct pgconn *conn = begun(&test, one_sql);
        struct stopper stopper = {.dsn = test.dsn};
        struct loadfill_how how = {.closed = 1, .most = MOST, .stop = &stopper.stop};
        assert_int_equal(pgconn_open(test.dsn, &holder, &why), ERR_OK);
        assert_int_equal(pgexec_script(holder, "BEGIN; LOCK TABLE cert_apex IN ACCESS EXCLUSIVE MODE", &why),
                         ERR_OK);
        assert_true(thread_start(&thread, "ender", ways[i], &stopper));
        assert_int_equal(loadfill_run(conn, &how, &peak, &why), codes[i]);
        thread_join(&thread);
        pgconn_free(holder);
        check_sql(test.dsn, "SELECT count(*) FROM cert_build", 0);
        how.stop = NULL;
        err_clear(&why);
        if (loadfill_run(conn, &how, &peak, &why) != ERR_OK)
            fail_msg("%s", why.text);
        check_sql(test.dsn, "SELECT count(*) FROM cert_build", 33);
        pgconn_free(conn);
    }
}

/* The writer's tables are wanted by who has those of the reader. */
static void close_the_ring(void *arg)
{
    struct stopper *stopper = arg;
    struct err why = {0};
    struct pgconn *conn = NULL;
    assert_int_equal(pgconn_open(stopper->dsn, &conn, &why), ERR_OK);
    assert_int_equal(pgexec_script(conn, "BEGIN; LOCK TABLE cert_apex IN ACCESS EXCLUSIVE MODE", &why),
                     ERR_OK);
    atomic_store(&stopper->stop, true);
    while (pgtest_count(stopper->dsn, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
        (void)usleep(10000);
    /* With nobody else to end it, it ends here, and the reader reads on. */
    assert_int_equal(
        pgexec_script(conn, "SET lock_timeout = '60s'; LOCK TABLE load_count IN ACCESS SHARE MODE", &why),
        ERR_OK);
    pgconn_free(conn);
}

/* A migration or a dump and our two connections wait for one another: the server sees no more than a queue.
 */
static void a_ring_over_both_connections_ends(void **state)
{
    (void)state;
    struct storetest test;
    struct thread thread;
    struct err why = {0};
    size_t peak = 0;
    struct pgconn *conn = begun(&test, one_sql);
    struct stopper other = {.dsn = test.dsn};
    const struct loadfill_how how = {.closed = 1, .most = MOST, .lock_ms = 2000};
    assert_true(thread_start(&thread, "other", close_the_ring, &other));
    while (!atomic_load(&other.stop))
        (void)usleep(10000);
    assert_int_equal(loadfill_run(conn, &how, &peak, &why), ERR_DB_CONFLICT);
    thread_join(&thread);
    check_sql(test.dsn, "SELECT count(*) FROM cert_build", 0);
    err_clear(&why);
    if (loadfill_run(conn, &how, &peak, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(test.dsn, "SELECT count(*) FROM cert_build", 33);
    pgconn_free(conn);
}

/* From now on whoever connects again comes elsewhere, as behind a name with several addresses. */
static void lead_elsewhere(struct pgconn *conn, const char *dsn)
{
    free(conn->dsn);
    conn->dsn = strdup(dsn);
    assert_non_null(conn->dsn);
}

/* What the other server does not have would be dropped with its slot. */
static void another_server_is_not_read(void **state)
{
    (void)state;
    const struct loadfill_how how = {.closed = 1, .most = MOST};
    struct storetest test;
    struct pgtest elsewhere;
    struct err why = {0};
    size_t peak = 0;
    char dsn[256];
    struct pgconn *conn = begun(&test, "SELECT");
    assert_int_equal(pgtest_start(&elsewhere), 0);
    assert_true(pgtest_database(&elsewhere, dsn));
    lead_elsewhere(conn, dsn);
    if (loadfill_run(conn, &how, &peak, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(test.dsn, "SELECT count(*) FROM cert_build", 32);
    /* Nor does it build half of the indexes. */
    if (db_load_seal(conn, &(struct db_load_how){0}, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 32);
    check_sql(test.dsn, "SELECT count(*) FROM cert_load_run", 0);
    pgconn_free(conn);
    pgtest_stop(&elsewhere);
}

/* A piece is written for longer than this server lets a session stand still. */
static void who_reads_ahead_may_stand_still(void **state)
{
    static const char slow_sql[] =
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.25);"
        " RETURN NULL; END$$; CREATE TRIGGER slow BEFORE INSERT ON cert_build_1 EXECUTE FUNCTION slow()";
    (void)state;
    const struct loadfill_how how = {.closed = 1, .most = MOST / 8};
    struct storetest test;
    struct err why = {0};
    size_t peak = 0;
    char dsn[320];
    struct pgconn *conn = begun(&test, "SELECT");
    storetest_run(test.dsn, slow_sql);
    (void)snprintf(dsn, sizeof dsn, "%s options='-c idle_session_timeout=100'", test.dsn);
    lead_elsewhere(conn, dsn);
    if (loadfill_run(conn, &how, &peak, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(test.dsn, "SELECT count(*) FROM cert_build", 32);
    pgconn_free(conn);
}

/* A server that ends whoever keeps a transaction open without asking for anything. */
static void sorting_is_no_reason_to_be_ended(void **state)
{
    (void)state;
    const struct loadfill_how how = {.closed = 1, .most = LIMIT_LOAD_SORT};
    struct storetest test;
    struct err why = {0};
    size_t peak = 0;
    struct pgconn *conn = begun(&test, "SELECT");
    assert_int_equal(pgexec_script(conn, "SET idle_in_transaction_session_timeout = '1ms'", &why), ERR_OK);
    if (loadfill_run(conn, &how, &peak, &why) != ERR_OK)
        fail_msg("%s", why.text);
    pgconn_free(conn);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leaf_of_one_domain_fits_into_memory),
        cmocka_unit_test(what_is_damaged_is_named),
        cmocka_unit_test(what_is_not_read_is_told),
        cmocka_unit_test(who_waits_for_a_dump_can_be_stopped),
        cmocka_unit_test(who_reads_ahead_can_be_lost),
        cmocka_unit_test(a_ring_over_both_connections_ends),
        cmocka_unit_test(another_server_is_not_read),
        cmocka_unit_test(who_reads_ahead_may_stand_still),
        cmocka_unit_test(sorting_is_no_reason_to_be_ended),
    };
    return storetest_main(tests, countof(tests), "loadfill");
}
