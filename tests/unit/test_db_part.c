/* Partitions while others write, read and are killed: nothing is lost, nothing is doubled, and what was built
 * is in order. */
#include "db/db_part.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/fixture/parttest.h"

#define YEAR_2030_MS INT64_C(1893456000000)
#define DAY_MS       INT64_C(86400000)

/* Nothing of a job is left behind. */
static void check_tidy(const char *dsn)
{
    check_sql(dsn,
              "SELECT count(*) FROM pg_class WHERE relname LIKE '%build%' AND relkind IN ('r', 'p', 'i')", 0);
    check_sql(dsn, "SELECT count(*) FROM pg_trigger WHERE tgname IN ('partition_late', 'partition_void')", 0);
    check_sql(dsn, "SELECT count(*) FROM partition_job", 0);
    check_sql(dsn, "SELECT count(*) FROM partition_late", 0);
    check_sql(dsn,
              "SELECT count(*) FROM partition_leaf AS l WHERE to_regclass('cert_apex_' || suffix) IS NULL"
              " OR to_regclass('cert_ip_' || suffix) IS NULL"
              " OR NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'removed' AND tgrelid = ('cert_' || "
              "suffix)::regclass)",
              0);
    /* All have the same indexes, under names of their own. */
    check_sql(
        dsn,
        "SELECT count(DISTINCT x.n) * 100 + min(x.n) / 9 FROM partition_leaf AS l CROSS JOIN LATERAL (SELECT"
        " count(*) FILTER (WHERE x.indisvalid) AS n FROM pg_index AS x WHERE x.indrelid IN"
        " (SELECT unnest(partition_tables(l.suffix))::regclass)) AS x",
        101);
    check_sql(dsn,
              "SELECT count(*) FROM pg_class WHERE relname LIKE 'cert%' AND relname NOT LIKE 'cert_load%'"
              " AND reloptions::text LIKE '%autovacuum_enabled%'",
              0);
    /* The bounds leave no hole. */
    check_sql(dsn,
              "SELECT cardinality(ARRAY(SELECT unnest(range_agg(tstzrange(lower, upper)))))"
              " FROM partition_leaf",
              1);
}

static void months_are_there_before_their_time(void **state)
{
    struct storetest test;
    struct db_part_todo *todo = NULL;
    size_t count = 0;
    struct db_part_rules rules = {.at_ms = YEAR_2030_MS + 300 * DAY_MS, .rows_max = ROWS_MAX, .ahead = true};
    (void)state;
    storetest_new(&test);
    struct pgconn *conn = connect_to(test.dsn);
    /* A certificate for long stands in the year that is to be cut. */
    storetest_run(test.dsn,
                  "INSERT INTO cert SELECT t, t - interval '9 years', now(), 7, 1, 0, 1, 1, sha256('a'),"
                  " '\\x01', sha256('k'), 'test.x' FROM (VALUES (timestamptz '2031-05-06Z')) AS x (t)");
    assert_int_equal(db_part_plan(conn, &rules, &todo, &count, NULL), ERR_OK);
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++) {
        struct db_part_done done;
        assert_int_equal(todo[i].act, DB_PART_SPLIT);
        assert_int_equal(db_part_work(conn, &todo[i], NULL, &done, NULL), ERR_OK);
        assert_false(done.nothing);
    }
    check_sql(test.dsn,
              "SELECT count(*) FROM partition_leaf WHERE suffix ~ '^20(30|31|32)..$'"
              " AND upper = lower + interval '1 month'",
              36);
    storetest_text(test.dsn, "SELECT tableoid::regclass FROM cert", "cert_203105");
    /* The second time there is nothing left, and an old plan does nothing. */
    struct db_part_done done;
    assert_int_equal(db_part_work(conn, &todo[0], NULL, &done, NULL), ERR_OK);
    assert_true(done.nothing);
    free(todo);
    assert_int_equal(db_part_plan(conn, &rules, &todo, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    free(todo);
    pgconn_free(conn);
    check_tidy(test.dsn);
}

/* Reads without a pause; what was there once must always be there. */
static void *read_on(void *arg)
{
    struct writer *reader = arg;
    int64_t seen = 0;
    PGconn *pg = PQconnectdb(reader->test->dsn);
    while (!atomic_load(&reader->stop)) {
        PGresult *res = PQexec(pg, "SELECT count(*) FROM cert AS c WHERE EXISTS (SELECT FROM cert_apex AS a"
                                   " WHERE a.tbs_fp = c.tbs_fp AND a.not_after = c.not_after)");
        int64_t now = 0;
        assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
        assert_true(text_int(span_str(PQgetvalue(res, 0, 0)), &now));
        assert_true(now >= seen);
        seen = now;
        PQclear(res);
        reader->written++;
        (void)usleep(300000); /* those who read all the time leave no gap on a busy machine */
    }
    PQfinish(pg);
    return NULL;
}

static void sealed_while_rows_come_and_go(void **state)
{
    struct storetest test;
    struct writer writer = {.test = &test};
    struct writer reader = {.test = &test};
    pthread_t threads[2];
    (void)state;
    storetest_new(&test);
    assert_int_equal(pthread_create(&threads[0], NULL, write_on, &writer), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, read_on, &reader), 0);
    size_t acts = 0;
    for (int i = 0; i < 2; i++)
        acts += prune(test.dsn, LATER_MS, 0);
    atomic_store(&writer.stop, true);
    atomic_store(&reader.stop, true);
    assert_int_equal(pthread_join(threads[0], NULL), 0);
    assert_int_equal(pthread_join(threads[1], NULL), 0);
    assert_true(acts >= 1);
    uint64_t issuances = writer.written / 2;
    check_sql(test.dsn, "SELECT count(*) FROM cert", (int64_t)issuances);
    check_sql(test.dsn, "SELECT count(*) FROM cert_apex", (int64_t)(issuances + 2) / 3);
    check_sql(test.dsn, "SELECT count(*) FROM cert_ip", (int64_t)(issuances + 4) / 5);
    check_sql(test.dsn, "SELECT sum(last_index - first_index + 1) FROM log_tile", (int64_t)writer.written);
    storetest_check(test.dsn);
    check_tidy(test.dsn);
}

/* Sealed: in the order of the key, frozen, and one partition for the year; what follows is found by index in
 * the partitions that it can be in, and no others. */
static void sealed_is_in_order(void **state)
{
    struct storetest test;
    struct store_range range;
    char before[64];
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    fill(&test, store, &range, 0, 8000);
    assert_true(pgtest_sql(test.dsn, EVERYTHING, before, sizeof before));
    assert_true(prune(test.dsn, LATER_MS, 0) > 0);
    storetest_text(test.dsn, EVERYTHING, before);
    check_sql(test.dsn, "SELECT count(*) FROM partition_leaf WHERE suffix = '2026' AND heap > 0", 1);
    check_sql(
        test.dsn,
        "SELECT count(*) FROM partition_leaf AS l JOIN pg_class AS c ON c.relname = 'cert_' || l.suffix"
        " WHERE l.heap > 0 AND NOT (c.relallvisible = c.relpages AND EXISTS (SELECT FROM partition_state AS s"
        "  WHERE s.suffix = l.suffix AND s.sealed_at IS NOT NULL))",
        0);
    check_sql(
        test.dsn,
        "SELECT count(*) FROM (SELECT apex8, lag(apex8) OVER (PARTITION BY tableoid ORDER BY ctid) AS before"
        " FROM cert) AS x WHERE apex8 < before",
        0);
    assert_int_equal(prune(test.dsn, LATER_MS, 0), 0);
    /* What comes late makes it unsorted again, which counts when it is much. */
    fill(&test, store, &range, 4000, 2000);
    assert_true(prune(test.dsn, LATER_MS, 0) > 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 5000);
    storetest_check(test.dsn);
    store->ops->free(store);
    check_tidy(test.dsn);
}

/* Lines of the plan of `query` that contain `word`. */
static int plan_lines(const char *dsn, const char *query, const char *word)
{
    int lines = 0;
    char sql[1024];
    PGconn *pg = PQconnectdb(dsn);
    PQclear(PQexec(pg, "SET enable_seqscan = off; SET jit = off"));
    (void)snprintf(sql, sizeof sql, "EXPLAIN (COSTS OFF) %s", query);
    PGresult *res = PQexec(pg, sql);
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(pg));
    for (int row = 0; row < PQntuples(res); row++)
        lines += strstr(PQgetvalue(res, row, 0), word) != NULL;
    PQclear(res);
    PQfinish(pg);
    return lines;
}

/* What was rewritten is read by index like everything else, and only where it can be. */
static void plans_after_sealing(void **state)
{
    static const struct {
        const char *query;
        const char *node; /* how the leaves are read */
        int at_least;
        int at_most;
    } rows[] = {
        {"SELECT * FROM cert WHERE apex8 = 7 ORDER BY not_before DESC LIMIT 100", "Index Scan using cert_",
         30, 1000},
        {"SELECT * FROM cert WHERE tbs_fp = '\\x01'", "Scan using cert_", 30, 1000},
        {"SELECT * FROM cert WHERE substring(serial FOR 15) = '\\x01'", "Scan using cert_", 30, 1000},
        {"SELECT * FROM cert WHERE substring(spki_sha256 FOR 8) = '\\x01'", "Scan using cert_", 30, 1000},
        {"SELECT * FROM cert_apex WHERE apex8 = 7 ORDER BY not_before DESC LIMIT 100",
         "Scan using cert_apex_", 30, 1000},
        {"SELECT * FROM cert_ip WHERE ip <<= '192.0.2.0/24'", "on cert_ip_", 30, 2000},
        {"SELECT * FROM cert WHERE apex8 = 7 AND not_after >= '2026-12-01Z' AND not_after < '2027-01-01Z'",
         "Index Scan using cert_2026_apex8", 1, 1},
        {"SELECT * FROM cert WHERE tbs_fp = '\\x01' AND not_after = '2026-12-24Z'",
         "Index Scan using cert_2026_tbs_fp", 1, 1},
        {"SELECT * FROM cert_apex WHERE apex8 = 7 AND not_after = '2026-12-24Z'",
         "Index Scan using cert_apex_2026_apex8", 1, 1},
    };
    struct storetest test;
    struct store_range range;
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    fill(&test, store, &range, 0, 4000);
    store->ops->free(store);
    assert_true(prune(test.dsn, LATER_MS, 0) > 0);
    storetest_run(test.dsn, "ANALYZE");
    for (size_t i = 0; i < countof(rows); i++) {
        int lines = plan_lines(test.dsn, rows[i].query, rows[i].node);
        if (lines < rows[i].at_least || lines > rows[i].at_most)
            fail_msg("%s: %d lines with %s", rows[i].query, lines, rows[i].node);
        assert_int_equal(plan_lines(test.dsn, rows[i].query, "Seq Scan"), 0);
    }
}

/* A person may do anything by hand at any time. */
static void changes_by_hand_are_in_the_copy(void **state)
{
    static const char *const steps[] = {"SELECT partition_fill()", "SELECT partition_index_all()"};
    struct storetest test;
    struct store_range range;
    char after[64];
    bool found;
    struct db_part_done done;
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    struct pgconn *conn = connect_to(test.dsn);
    storetest_take(store, 1, &range);
    fill(&test, store, &range, 0, 2000);
    assert_true(prune(test.dsn, LATER_MS, 0) > 0);
    lock(conn);
    storetest_run(
        test.dsn,
        "SELECT partition_begin('seal', ARRAY['2026'], ARRAY[timestamptz '2026-01-01Z', '2027-01-01Z'])");
    for (size_t i = 0; i < countof(steps); i++) {
        fill(&test, store, &range, 1000 + 100 * i, 200);
        storetest_run(test.dsn,
                      "DELETE FROM cert WHERE tbs_fp IN (SELECT tbs_fp FROM cert ORDER BY tbs_fp LIMIT 50)");
        storetest_run(test.dsn,
                      "UPDATE cert SET idx = idx + 100000 WHERE tbs_fp IN (SELECT tbs_fp FROM cert ORDER BY "
                      "tbs_fp DESC LIMIT 50)");
        storetest_run(test.dsn, "DELETE FROM cert_apex WHERE tbs_fp NOT IN (SELECT tbs_fp FROM cert)");
        storetest_run(test.dsn, "DELETE FROM cert_ip WHERE tbs_fp NOT IN (SELECT tbs_fp FROM cert)");
        storetest_run(test.dsn, steps[i]);
    }
    storetest_run(test.dsn, "DELETE FROM cert_ip WHERE ip = '192.0.2.5'");
    assert_true(pgtest_sql(test.dsn, EVERYTHING, after, sizeof after));
    assert_int_equal(db_part_resume(conn, NULL, &found, &done, NULL), ERR_OK);
    assert_true(found);
    assert_false(done.nothing);
    storetest_text(test.dsn, EVERYTHING, after);
    check_sql(test.dsn,
              "SELECT count(*) - 1 FROM pg_inherits WHERE inhparent = 'cert'::regclass AND inhrelid = "
              "'cert_2026'::regclass",
              0);

    /* A leaf that somebody empties meanwhile is empty afterwards, too. */
    storetest_run(
        test.dsn,
        "SELECT partition_begin('seal', ARRAY['2026'], ARRAY[timestamptz '2026-01-01Z', '2027-01-01Z'])");
    storetest_run(test.dsn, "SELECT partition_fill()");
    storetest_run(test.dsn, "TRUNCATE cert_2026, cert_apex_2026, cert_ip_2026");
    assert_int_equal(db_part_resume(conn, NULL, &found, &done, NULL), ERR_OK);
    assert_false(found);
    check_sql(test.dsn, "SELECT count(*) FROM cert_2026", 0);
    pgconn_free(conn);
    store->ops->free(store);
    (void)prune(test.dsn, LATER_MS + 400 * DAY_MS, 0); /* the next job tidies up */
    check_tidy(test.dsn);
}

/* A child works on a plan until it is killed; whoever comes next goes on. */
static void killed_at_any_moment(void **state)
{
    struct storetest test;
    struct store_range range;
    char before[64];
    unsigned killed = 0;
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    for (int i = 0; i < 2; i++)
        fill(&test, store, &range, (uint64_t)i * 4000, 8000);
    store->ops->free(store);
    assert_true(pgtest_sql(test.dsn, EVERYTHING, before, sizeof before));
    for (unsigned i = 0; i < 6; i++) {
        int status;
        /* Every time there is something to do: the sealed is said to be unsealed. */
        storetest_run(test.dsn, "UPDATE partition_state SET heap = 0");
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)prune(test.dsn, LATER_MS, 0);
            _exit(0);
        }
        (void)usleep(20000 + 65000 * i);
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        killed += WIFSIGNALED(status) ? 1 : 0;
        storetest_text(test.dsn, EVERYTHING, before);
    }
    assert_true(killed > 2);
    (void)prune(test.dsn, LATER_MS, 0);
    storetest_text(test.dsn, EVERYTHING, before);
    storetest_check(test.dsn);
    check_tidy(test.dsn);
}

struct holder {
    const char *dsn;
    PGconn *pg;
};

/* Until somebody waits for him, and as much longer as it takes to be sent away several times. */
static void *hold_on(void *arg)
{
    struct holder *holder = arg;
    int64_t until_ms = clock_mono_ms() + 60000;
    while (pgtest_count(holder->dsn, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0 &&
           clock_mono_ms() < until_ms)
        (void)usleep(10000);
    PQclear(PQexec(holder->pg, "SELECT pg_sleep(1.5); COMMIT"));
    PQfinish(holder->pg);
    return NULL;
}

/* Somebody reads for long: he is not disturbed, and the leaves are put in their place when he is done. */
static void a_long_reader_is_waited_for(void **state)
{
    struct storetest test;
    struct store_range range;
    struct db_part_todo *todo = NULL;
    struct db_part_done done = {0};
    struct db_part_rules rules = {.at_ms = LATER_MS, .rows_max = ROWS_MAX};
    struct holder holder = {.dsn = test.dsn};
    pthread_t thread;
    uint64_t refused = 0;
    size_t count = 0;
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    struct pgconn *conn = connect_to(test.dsn);
    storetest_take(store, 1, &range);
    fill(&test, store, &range, 0, 400);
    lock(conn);
    assert_int_equal(db_part_plan(conn, &rules, &todo, &count, NULL), ERR_OK);
    assert_true(count > 0);
    holder.pg = PQconnectdb(test.dsn);
    PQclear(PQexec(holder.pg, "BEGIN; SELECT count(*) FROM cert"));
    assert_int_equal(PQtransactionStatus(holder.pg), PQTRANS_INTRANS);
    assert_int_equal(pthread_create(&thread, NULL, hold_on, &holder), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(db_part_work(conn, &todo[i], NULL, &done, NULL), ERR_OK);
        refused += done.refused;
    }
    assert_true(refused > 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    free(todo);
    pgconn_free(conn);
    store->ops->free(store);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 200);
    check_tidy(test.dsn);
}

static void a_full_month_is_cut_into_weeks(void **state)
{
    struct storetest test;
    struct store_range range;
    struct db_part_todo *todo = NULL;
    struct db_part_done done;
    struct db_part_rules rules = {.rows_max = 1000};
    size_t count = 0;
    char before[64];
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    struct pgconn *conn = connect_to(test.dsn);
    /* Months of which nobody knows when this test runs: cut from a year far away. */
    rules.at_ms = INT64_C(1893456000000);
    storetest_take(store, 1, &range);
    rules.ahead = true;
    assert_int_equal(db_part_plan(conn, &rules, &todo, &count, NULL), ERR_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(db_part_work(conn, &todo[i], NULL, &done, NULL), ERR_OK);
    free(todo);
    rules.ahead = false;
    storetest_run(
        test.dsn,
        "INSERT INTO cert SELECT timestamptz '2030-07-01Z' + i % 31 * interval '1 day', '2030-01-01Z', "
        "now(), i, i, 0, 1, 1, sha256(i::text::bytea), '\\x01', sha256('k'), 'test.x'"
        " FROM generate_series(1, 3000) AS i; ANALYZE cert");
    assert_true(pgtest_sql(test.dsn, EVERYTHING, before, sizeof before));
    assert_int_equal(db_part_plan(conn, &rules, &todo, &count, NULL), ERR_OK);
    assert_true(count >= 1);
    assert_string_equal(todo[0].first, "203007w1");
    assert_int_equal(db_part_work(conn, &todo[0], NULL, &done, NULL), ERR_OK);
    free(todo);
    storetest_text(test.dsn, EVERYTHING, before);
    storetest_text(
        test.dsn,
        "SELECT string_agg(n::text, ' ' ORDER BY t) FROM (SELECT tableoid::regclass::text AS t, count(*) AS n"
        " FROM cert GROUP BY 1) AS x",
        "678 679 679 964");
    /* The empty months that follow are cut at once, while that costs nothing. */
    assert_int_equal(db_part_plan(conn, &rules, &todo, &count, NULL), ERR_OK);
    assert_true(count >= 12);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(db_part_work(conn, &todo[i], NULL, &done, NULL), ERR_OK);
    free(todo);
    storetest_text(test.dsn, EVERYTHING, before);
    /* A year of more rows than fit stays in its parts; each is sealed. */
    rules.at_ms += 800 * DAY_MS;
    assert_int_equal(db_part_plan(conn, &rules, &todo, &count, NULL), ERR_OK);
    size_t seals = 0;
    for (size_t i = 0; i < count; i++) {
        seals += todo[i].act == DB_PART_SEAL;
        assert_false(todo[i].act == DB_PART_MERGE && strcmp(todo[i].first, "2030") == 0);
    }
    assert_int_equal(seals, 4);
    free(todo);
    pgconn_free(conn);
    store->ops->free(store);
    check_tidy(test.dsn);
}

/* The thread that looks after it leaves alone what still grows. */
static void patience(void **state)
{
    struct storetest test;
    struct store_range range;
    struct db_part_todo *todo = NULL;
    struct db_part_rules rules = {.at_ms = YEAR_2030_MS, .rows_max = 1, .patient = true};
    size_t count = 0;
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    struct pgconn *conn = connect_to(test.dsn);
    storetest_take(store, 1, &range);
    fill(&test, store, &range, 0, 2000);
    static const char *const noted[] = {"", "SELECT partition_note('2029-12-31Z')",
                                        "SELECT partition_note('2029-12-30Z')"};
    static const bool seals[] = {false, false, true};
    for (size_t i = 0; i < countof(noted); i++) {
        size_t found = 0;
        if (noted[i][0] != '\0')
            storetest_run(test.dsn, noted[i]);
        if (i == 2)
            storetest_run(test.dsn, "UPDATE partition_state SET seen_at = '2029-12-30Z'");
        if (i == 1)
            storetest_run(test.dsn, "UPDATE partition_state SET seen_at = '2029-12-31 12:00Z'");
        assert_int_equal(db_part_plan(conn, &rules, &todo, &count, NULL), ERR_OK);
        for (size_t k = 0; k < count; k++)
            found += todo[k].act == DB_PART_SEAL;
        assert_int_equal(found > 0, seals[i]);
        free(todo);
    }
    /* It grew again. */
    fill(&test, store, &range, 1000, 2000);
    storetest_run(test.dsn, "SELECT partition_note('2029-12-31 23:00Z')");
    assert_int_equal(db_part_plan(conn, &rules, &todo, &count, NULL), ERR_OK);
    for (size_t k = 0; k < count; k++)
        assert_int_not_equal(todo[k].act, DB_PART_SEAL);
    free(todo);
    pgconn_free(conn);
    store->ops->free(store);
}

static void one_at_a_time(void **state)
{
    struct storetest test;
    bool taken = false;
    (void)state;
    storetest_new(&test);
    struct pgconn *one = connect_to(test.dsn);
    struct pgconn *two = connect_to(test.dsn);
    assert_int_equal(db_part_lock(one, &taken, NULL), ERR_OK);
    assert_true(taken);
    assert_int_equal(db_part_lock(two, &taken, NULL), ERR_OK);
    assert_false(taken);
    assert_int_equal(db_part_unlock(one, NULL), ERR_OK);
    assert_int_equal(db_part_lock(two, &taken, NULL), ERR_OK);
    assert_true(taken);
    pgconn_free(one);
    pgconn_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(months_are_there_before_their_time),
        cmocka_unit_test(sealed_is_in_order),
        cmocka_unit_test(plans_after_sealing),
        cmocka_unit_test(sealed_while_rows_come_and_go),
        cmocka_unit_test(changes_by_hand_are_in_the_copy),
        cmocka_unit_test(killed_at_any_moment),
        cmocka_unit_test(a_long_reader_is_waited_for),
        cmocka_unit_test(a_full_month_is_cut_into_weeks),
        cmocka_unit_test(patience),
    };
    return storetest_main(tests, countof(tests), "db_part");
}
