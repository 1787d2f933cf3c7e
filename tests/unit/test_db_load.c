/* Backfill, interrupted anywhere and while others write the same: nothing is lost or counted twice. */
#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/thread.h"
#include "db/db_load.h"
#include "db/loadfill.h"
#include "db/pgexec.h"

#define OLD_S    INT64_C(1600000000) /* September 2020 */
#define ROOM     (8u << 20)
#define ALL      256
#define WAIT_MS  20000
#define STUCK_MS 180000
#define IS_WHOLE                                                                                             \
    "SELECT (SELECT count(*) FROM cert_load) + coalesce(sum(count), 0) FROM cert_load_run WHERE kind = 0"

static const struct db_load_how how = {.wait_ms = WAIT_MS};
/* Entries number by number, expired ones but every `living`th. */
static void pairs(struct batch *batch, const struct ctlog *log, uint64_t begin, uint64_t number, size_t count,
                  size_t living)
{
    storetest_pairs(batch, log, begin, number, count);
    for (size_t i = 0; i < count; i++) {
        struct issuance *issuance = &batch->entries[i].issuance;
        if (living != 0 && (number + i / 2) % living == 0)
            continue;
        issuance->not_before = OLD_S + (int64_t)((number + i / 2) % 20) * 86400;
        issuance->not_after = issuance->not_before + 90 * 86400;
    }
}

static void put(struct store *store, struct storetest *test, int log, uint64_t number, size_t count,
                size_t living)
{
    struct batch batch;
    struct store_range range;
    assert_true(batch_init(&batch, ROOM));
    storetest_take(store, log + 1, &range);
    pairs(&batch, &test->log[log], range.next, number, count, living);
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
}

static struct store *loading(const struct storetest *test)
{
    struct err why = {0};
    struct store *store = storetest_open(test->dsn);
    if (store_pg_load(store, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return store;
}

static struct pgconn *connect_to(const struct storetest *test)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    if (pgconn_open(test->dsn, &conn, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return conn;
}

static void seal(const struct storetest *test)
{
    struct err why = {0};
    struct pgconn *conn = connect_to(test);
    if (db_load_seal(conn, &how, &why) != ERR_OK)
        fail_msg("%s", why.text);
    pgconn_free(conn);
}

/* `certs` issuances, each once, counted, with their keys and addresses, and nothing waits. */
static void check(const struct storetest *test, int64_t certs)
{
    check_sql(test->dsn, IS_WHOLE, 0);
    check_sql(test->dsn, "SELECT count(*) FROM cert", certs);
    check_sql(
        test->dsn,
        "SELECT count(*) FROM cert_apex AS a WHERE NOT EXISTS (SELECT FROM cert AS c WHERE c.not_after ="
        " a.not_after AND c.tbs_fp = a.tbs_fp AND c.issuer = a.issuer)",
        0);
    check_sql(test->dsn, "SELECT count(*) - count(DISTINCT (tbs_fp, issuer, ip)) FROM cert_ip", 0);
    check_sql(test->dsn, "SELECT count(*) FROM cert_ip", (certs + 4) / 5);
    check_sql(test->dsn, "SELECT count(*) FROM cert_load_key", 0);
    check_sql(test->dsn, "SELECT count(*) FROM cert_load_run", 0);
    check_sql(test->dsn, "SELECT (SELECT count(*) FROM load_count) + (SELECT count(*) FROM load_old)", 0);
    check_sql(test->dsn, "SELECT (SELECT count(*) FROM load_done) + (SELECT count(*) FROM load_place)", 0);
    check_sql(test->dsn, "SELECT count(*) FROM load_wanted", 0);
    check_sql(test->dsn, "SELECT count(*) FROM partition_job", 0);
    storetest_check(test->dsn);
}

static void fill(const struct storetest *test)
{
    struct err why = {0};
    size_t peak;
    struct pgconn *conn = connect_to(test);
    if (loadfill_run(conn, &(struct loadfill_how){.closed = 1, .most = LIMIT_LOAD_SORT}, &peak, &why) !=
        ERR_OK)
        fail_msg("%s", why.text);
    pgconn_free(conn);
}

static void what_expired_waits_and_then_is_there(void **state)
{
    (void)state;
    struct storetest test;
    int64_t rows = 0;
    storetest_new(&test);
    struct pgconn *conn = connect_to(&test);
    struct store *store = loading(&test);
    assert_int_equal(db_load_waiting(conn, &rows, NULL), ERR_OK);
    assert_int_equal(rows, 0);
    put(store, &test, 0, 0, ALL, 4);
    assert_int_equal(db_load_waiting(conn, &rows, NULL), ERR_OK);
    assert_true(rows > 0);
    /* Those that live are there at once, and so are all places and the position. */
    check_sql(test.dsn, "SELECT count(*) FROM cert", ALL / 8);
    check_sql(test.dsn, "SELECT sum(cardinality(fp8)) FROM log_tile", ALL);
    check_sql(test.dsn, "SELECT next FROM log_range WHERE log = 1", ALL);
    storetest_check(test.dsn);
    seal(&test);
    check(&test, ALL / 2);
    check_sql(test.dsn, "SELECT count(*) FROM partition_state WHERE sealed_at IS NOT NULL", 1);
    /* Again, and somebody else's, of whom half are known. */
    put(store, &test, 1, ALL / 4, ALL, 4);
    seal(&test);
    check(&test, ALL / 2 + ALL / 4);
    assert_int_equal(db_load_waiting(conn, &rows, NULL), ERR_OK);
    assert_int_equal(rows, 0);
    store->ops->free(store);
    pgconn_free(conn);
}

/* The same issuances by a writer that knows of no backfill, before, while and after it is built. */
static void others_write_the_same_meanwhile(void **state)
{
    (void)state;
    struct storetest test;
    storetest_new(&test);
    struct store *load = loading(&test);
    struct store *plain = storetest_open(test.dsn);
    put(plain, &test, 1, 0, ALL / 4, 0);
    put(load, &test, 0, 0, ALL, 0);
    storetest_run(
        test.dsn,
        "SELECT load_close(); SELECT partition_begin('load', ARRAY[l.suffix], ARRAY[l.lower, l.upper])"
        " FROM load_leaves(1) AS l");
    fill(&test);
    put(plain, &test, 1, ALL / 8, ALL / 4, 0); /* half of these are in the build as fresh ones */
    storetest_run(test.dsn, "SELECT partition_index_all(); UPDATE partition_job SET step = 'frozen'");
    storetest_run(test.dsn, "SELECT load_catch(10)");
    put(plain, &test, 1, ALL / 4, ALL / 4, 0);
    /* What was stored meanwhile goes again, as a repair takes it away: the backfill has it still. */
    for (int i = 0; i < 3; i++) {
        storetest_run(test.dsn,
                      "WITH gone AS (DELETE FROM cert WHERE ctid = (SELECT max(ctid) FROM cert) RETURNING *),"
                      " keys AS (DELETE FROM cert_apex AS a USING gone AS g WHERE a.tbs_fp = g.tbs_fp),"
                      " ips AS (DELETE FROM cert_ip AS a USING gone AS g WHERE a.tbs_fp = g.tbs_fp)"
                      " UPDATE issued AS i SET n = n - 1 FROM gone AS g WHERE i.issuer = g.issuer"
                      " AND i.day = (g.not_before AT TIME ZONE 'UTC')::date");
        storetest_run(test.dsn, i == 0 ? "SELECT load_catch(10000)" : "SELECT"); /* before and behind */
    }
    put(plain, &test, 1, 3 * ALL / 8 - 1, 2, 0); /* the first of the three is there again */
    storetest_run(test.dsn, "SELECT load_exchange(1, 500)");
    put(plain, &test, 1, 3 * ALL / 8, ALL / 4, 0);
    seal(&test);
    check(&test, ALL / 2);
    load->ops->free(load);
    plain->ops->free(plain);
}

/* Whoever is killed leaves what the next one begins with anew; a job of another kind takes its place. */
static void it_can_be_killed_behind_every_step(void **state)
{
    (void)state;
    static const char *const steps[] = {
        "SELECT load_close()",
        "SELECT load_index(1)",
        ("SELECT partition_begin('load', ARRAY[l.suffix], ARRAY[l.lower, l.upper]) FROM load_leaves(1) AS l "
         "LIMIT 1"),
        NULL, /* fill */
        "SELECT partition_index_all()",
        "UPDATE partition_job SET step = 'frozen'",
        "SELECT load_exchange(1, 500)",
        "SELECT load_end(1)",
    };
    for (size_t last = 0; last <= countof(steps); last++) {
        struct storetest test;
        storetest_new(&test);
        struct store *store = loading(&test);
        put(store, &test, 0, 0, ALL, 0);
        for (size_t i = 0; i < last; i++) {
            if (steps[i] == NULL)
                fill(&test);
            else
                storetest_run(test.dsn, steps[i]);
        }
        put(store, &test, 0, ALL / 2, ALL / 4, 0);
        if (last == 5)
            storetest_run(test.dsn, "SELECT partition_abandon()");
        seal(&test);
        check(&test, ALL / 2 + ALL / 8);
        store->ops->free(store);
    }
}

/* As a program of before put them down, or this one what is too large. */
#define LOOSE_SQL                                                                                            \
    "INSERT INTO cert_load SELECT (SELECT slot FROM load_state), c.* FROM cert AS c;"                        \
    "INSERT INTO cert_load_key SELECT (SELECT slot FROM load_state), apex8, issuer, tbs_fp FROM cert_apex;"  \
    "INSERT INTO cert_load_ip SELECT (SELECT slot FROM load_state), ip, issuer, tbs_fp FROM cert_ip;"

static void rows_of_their_own_go_the_same_way(void **state)
{
    (void)state;
    static const char keys_sql[] = "SELECT count(*) FROM cert_apex";
    struct storetest test;
    storetest_new(&test);
    struct store *load = loading(&test);
    struct store *plain = storetest_open(test.dsn);
    put(plain, &test, 1, 0, ALL, 0);
    int64_t keys = pgtest_count(test.dsn, keys_sql);
    storetest_run(test.dsn, LOOSE_SQL
                  "DELETE FROM cert; DELETE FROM cert_apex; DELETE FROM cert_ip; DELETE FROM issued");
    put(load, &test, 0, ALL / 4, ALL, 0); /* half of them again */
    seal(&test);
    check(&test, ALL / 2 + ALL / 4);
    storetest_run(test.dsn, LOOSE_SQL); /* all are there */
    seal(&test);
    check(&test, ALL / 2 + ALL / 4);
    assert_true(pgtest_count(test.dsn, keys_sql) >= keys);
    load->ops->free(load);
    plain->ops->free(plain);
}

/* Two versions did not agree about the domain of some: the row of the leaf stays, or the first. */
static void an_issuance_under_two_domains_is_stored_once(void **state)
{
    (void)state;
    struct storetest test;
    storetest_new(&test);
    struct store *load = loading(&test);
    struct store *plain = storetest_open(test.dsn);
    put(plain, &test, 1, 0, ALL / 4, 0);
    storetest_run(test.dsn,
                  "CREATE TABLE right_one AS SELECT tbs_fp, issuer, apex8 FROM cert;" LOOSE_SQL
                  "UPDATE cert_load SET apex8 = ~apex8, first_seen = first_seen - interval '1 day'");
    put(load, &test, 0, ALL / 8, ALL, 0);
    storetest_run(
        test.dsn,
        "INSERT INTO cert_load SELECT slot, not_after, not_before, first_seen, apex8 + 1, idx, facts,"
        " issuer, log, sha256(tbs_fp), serial, spki_sha256, names, cn, findings, others FROM cert_load");
    storetest_run(
        test.dsn,
        "INSERT INTO cert_load SELECT slot, not_after, not_before, first_seen, apex8 + 2, idx, facts,"
        " issuer, log, tbs_fp, serial, spki_sha256, names, cn, findings, others FROM cert_load");
    seal(&test);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 3 * ALL / 4);
    check_sql(test.dsn, "SELECT sum(n) FROM issued", 3 * ALL / 4);
    check_sql(test.dsn, "SELECT count(*) FROM cert AS c JOIN right_one AS r USING (tbs_fp, issuer, apex8)",
              ALL / 8);
    load->ops->free(load);
    plain->ops->free(plain);
}

/* More than is sorted at once is read as often as it needs to be. */
static void what_is_too_large_for_memory_goes_in_passes(void **state)
{
    (void)state;
    struct storetest test;
    storetest_new(&test);
    struct store *load = loading(&test);
    struct store *plain = storetest_open(test.dsn);
    put(plain, &test, 1, 0, ALL / 4, 0);
    put(load, &test, 0, ALL / 8 / 2, ALL, 0);
    storetest_run(
        test.dsn,
        "SELECT load_close(); SELECT partition_begin('load', ARRAY[l.suffix], ARRAY[l.lower, l.upper])"
        " FROM load_leaves(1) AS l; UPDATE partition_job SET bytes = 16::int8 * 1000 * 1000 * 1000");
    fill(&test);
    storetest_run(test.dsn, "SELECT partition_index_all(); UPDATE partition_job SET step = 'frozen';"
                            " SELECT load_exchange(1, 500)");
    seal(&test);
    check(&test, ALL / 2 + ALL / 16);
    load->ops->free(load);
    plain->ops->free(plain);
}

/* What can not be read, and nobody knows of which entries it was, is said and stays where it is. */
static void damage_is_told(void **state)
{
    (void)state;
    struct storetest test;
    struct err why = {0};
    storetest_new(&test);
    struct pgconn *conn = connect_to(&test);
    struct store *store = loading(&test);
    put(store, &test, 0, 0, ALL, 0);
    storetest_run(test.dsn, "DELETE FROM load_place; UPDATE cert_load_run SET rows ="
                            " substring(rows FOR length(rows) - 1) WHERE kind = 0");
    assert_int_equal(db_load_seal(conn, &how, &why), ERR_DB);
    assert_non_null(strstr(why.text, "damaged"));
    check_sql(test.dsn, IS_WHOLE, ALL / 2);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 0);
    pgconn_free(conn);
    store->ops->free(store);
}

/* However much the server has still to send, when it is told to stop: what is wrong is said. */
static void damage_is_told_in_front_of_much_else(void **state)
{
    (void)state;
    struct storetest test;
    struct err why = {0};
    storetest_new(&test);
    struct pgconn *conn = connect_to(&test);
    struct store *store = loading(&test);
    put(store, &test, 0, 0, ALL, 0);
    storetest_run(
        test.dsn,
        "DELETE FROM load_place; CREATE TABLE kept AS SELECT * FROM cert_load_run WHERE kind = 0 LIMIT 1;"
        "UPDATE kept SET rows = '\\xff'; DELETE FROM cert_load_run; INSERT INTO cert_load_run TABLE kept;"
        "INSERT INTO cert_load_run SELECT slot, kind, bucket, lower, upper, count,"
        " convert_to(repeat('x', 131072), 'UTF8') FROM kept CROSS JOIN generate_series(1, 200)");
    assert_int_equal(db_load_seal(conn, &how, &why), ERR_DB);
    assert_int_equal(why.code, ERR_DB);
    assert_non_null(strstr(why.text, "damaged"));
    pgconn_free(conn);
    store->ops->free(store);
}

/* A program of before that is still at a leaf when the schema changes can not put it in its place, where
 * nothing of it would be counted. */
static void nobody_of_before_goes_on(void **state)
{
    (void)state;
    struct storetest test;
    storetest_new(&test);
    check_sql(test.dsn,
              "SELECT count(*) FROM unnest(ARRAY['load_fill(int8)', 'load_catch(int8, int8, bool)',"
              " 'load_swap(int8, int8)']) AS f WHERE to_regprocedure(f) IS NOT NULL",
              0);
}

/* A column that load_held_* leaves out would be lost from each leaf that is written anew. */
static void all_columns_are_carried(void **state)
{
    static const char sql[] =
        "SELECT count(*) FROM (VALUES ('cert'::regclass, 'load_held_certs'), ('cert_apex', 'load_held_keys'),"
        " ('cert_ip', 'load_held_ips')) AS t (rel, fn) JOIN pg_attribute AS a ON a.attrelid = t.rel AND "
        "a.attnum > 0"
        " JOIN pg_proc AS p ON p.proname = t.fn WHERE NOT a.attisdropped AND a.attname <> ALL "
        "(p.proargnames)";
    struct storetest test;
    (void)state;
    storetest_new(&test);
    check_sql(test.dsn, sql, 0);
    storetest_run(test.dsn, "ALTER TABLE cert ADD COLUMN forgotten int");
    check_sql(test.dsn, sql, 1);
}

static void nobody_begins_while_rows_come(void **state)
{
    (void)state;
    const struct db_load_how idle = {.wait_ms = WAIT_MS, .idle_only = true};
    const struct db_load_how hurry = {0};
    struct storetest test;
    storetest_new(&test);
    struct pgconn *holder = connect_to(&test);
    struct pgconn *other = connect_to(&test);
    struct store *store = loading(&test);
    put(store, &test, 0, 0, ALL, 0);
    assert_int_equal(db_load_hold(holder, NULL), ERR_OK);
    assert_int_equal(db_load_seal(other, &idle, NULL), ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 0);
    /* Somebody else is at the partitions. */
    assert_int_equal(pgexec_do(holder, "SELECT partition_lock()", &PGEXEC_NO_ARGS, NULL, NULL), ERR_OK);
    assert_int_equal(db_load_seal(other, &hurry, NULL), ERR_DB_CONFLICT);
    pgconn_free(holder);
    /* The server notices in its own time. */
    int64_t rows = 1;
    for (int i = 0; i < 1200 && rows != 0; i++) {
        assert_int_equal(db_load_seal(other, &idle, NULL), ERR_OK);
        assert_int_equal(db_load_waiting(other, &rows, NULL), ERR_OK);
        (void)usleep(50000);
    }
    check(&test, ALL / 2);
    pgconn_free(other);
    store->ops->free(store);
}

struct writer {
    const struct storetest *test;
    int log;
    uint64_t until;
    bool load;
    atomic_uint lost;
    atomic_bool failed;
    atomic_bool done;
};

static struct store *open_and_take(const struct writer *writer, struct store_range *range)
{
    struct store *store = NULL;
    size_t count = 0;
    bool taken = false;
    while (store == NULL)
        (void)(store_pg_open(writer->test->dsn, &store, NULL) == ERR_OK);
    while (writer->load && store_pg_load(store, NULL) != ERR_OK)
        (void)store->ops->ranges(store, writer->log + 1, range, 1, &count, NULL); /* connects again */
    while (!taken) {
        if (store->ops->ranges(store, writer->log + 1, range, 1, &count, NULL) == ERR_OK && count == 1)
            (void)(store->ops->range_take(store, range, &taken, NULL) == ERR_OK);
    }
    return store;
}

/* Not on the test's own thread: no assertions. */
static void write_log(void *arg)
{
    struct writer *writer = arg;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    size_t count = 0;
    struct store *store = open_and_take(writer, &range);
    must(batch_init(&batch, ROOM));
    while (range.next < writer->until && !atomic_load(&writer->failed)) {
        err_clear(&why);
        pairs(&batch, &writer->test->log[writer->log], range.next, range.next / 2, ALL, 5);
        enum err_code code = storetest_commit(store, &range, &batch, &why);
        if (code == ERR_DB_DOWN)
            atomic_fetch_add(&writer->lost, 1);
        if (code == ERR_DB_CONFLICT)
            code = store->ops->ranges(store, writer->log + 1, &range, 1, &count, &why);
        atomic_store(&writer->failed, code != ERR_OK && code != ERR_DB_DOWN);
    }
    if (atomic_load(&writer->failed))
        print_message("writer %d: %s\n", writer->log, why.text);
    batch_fini(&batch);
    store->ops->free(store);
    atomic_store(&writer->done, true);
}

/* Fails, and says what each session of the server waits for, instead of waiting for ever. */
static void wait_until(const struct storetest *test, struct writer writers[2], int64_t entries)
{
    static const char waits_sql[] =
        "SELECT string_agg(concat_ws(' ', pid, state, wait_event_type, wait_event, "
        "pg_blocking_pids(pid)::text,"
        " left(query, 60)), E'\\n') FROM pg_stat_activity WHERE backend_type = 'client backend'";
    static char waits[4096];
    int64_t until_ms = clock_mono_ms() + STUCK_MS;
    bool reached = false;
    while (!reached && clock_mono_ms() < until_ms) {
        bool done = atomic_load(&writers[0].done) && atomic_load(&writers[1].done);
        reached = done || pgtest_count(test->dsn, "SELECT sum(next) FROM log_range") >= entries;
        if (!reached)
            (void)usleep(10000);
    }
    if (reached)
        return;
    (void)pgtest_sql(test->dsn, waits_sql, waits, sizeof waits);
    print_message("nobody waits as long as this: %u and %u times cut off; %s\n",
                  atomic_load(&writers[0].lost), atomic_load(&writers[1].lost), waits);
    pgtest_stop(&storetest_server);
    exit(1); /* the writers still hold this test's memory */
}

/* Two that write the same, one of them a backfill, while partitions are rewritten and the server falls. */
static void the_server_falls_meanwhile(void **state)
{
    (void)state;
    struct storetest test;
    struct thread threads[2];
    struct writer writers[2];
    storetest_new(&test);
    for (int i = 0; i < 2; i++) {
        writers[i] = (struct writer){.test = &test, .log = i, .until = 60 * ALL, .load = i == 0};
        assert_true(thread_start(&threads[i], "writer", write_log, &writers[i]));
    }
    for (int i = 0; i < 3; i++) {
        struct pgconn *conn = NULL;
        wait_until(&test, writers, (10 + 30 * i) * ALL);
        assert_true(pgtest_down(&storetest_server, SIGQUIT));
        assert_true(pgtest_up(&storetest_server));
        if (pgconn_open(test.dsn, &conn, NULL) == ERR_OK)
            (void)!db_load_seal(conn, &how, NULL); /* somebody may be in its way; that is for the next one */
        pgconn_free(conn);
    }
    wait_until(&test, writers, INT64_MAX);
    for (int i = 0; i < 2; i++) {
        thread_join(&threads[i]);
        assert_false(atomic_load(&writers[i].failed));
    }
    assert_true(atomic_load(&writers[0].lost) + atomic_load(&writers[1].lost) > 0);
    seal(&test);
    check(&test, 30 * ALL);
    check_sql(test.dsn, "SELECT sum(cardinality(fp8)) FROM log_tile", 120 * ALL);
}

static void check_repair(struct store *store, struct store_range *range, enum err_code expected)
{
    struct err why = {0};
    struct store_settle settle = {.range = range, .next = range->next};
    enum err_code code = store->ops->repair_begin(store, range, &why);
    if (code != expected)
        fail_msg("%s: %s", err_name(code), why.text);
    if (code == ERR_OK)
        assert_int_equal(store->ops->repair_end(store, &settle, false, &why), ERR_OK);
}

/* A repair must see every row of what it repairs, and others wait for whoever makes it: it neither waits for
 * those who rewrite partitions, nor rewrites them, and is sent away only for rows of its own range. */
static void a_repair_waits_for_nobody(void **state)
{
    (void)state;
    const struct db_load_how idle = {.wait_ms = WAIT_MS, .idle_only = true};
    struct storetest test;
    struct store_range range[2];
    storetest_new(&test);
    struct pgconn *rewriting = connect_to(&test);
    struct pgconn *importing = connect_to(&test);
    struct pgconn *other = connect_to(&test);
    struct store *plain = storetest_open(test.dsn);
    struct store *store = loading(&test);
    put(plain, &test, 1, ALL / 2, ALL, 0);
    put(store, &test, 0, 0, ALL, 0);
    storetest_take(store, 1, &range[0]);
    storetest_take(plain, 2, &range[1]);
    struct store_range behind = range[0];
    behind.verified = ALL;
    assert_int_equal(db_load_hold(importing, NULL), ERR_OK);
    assert_int_equal(pgexec_do(rewriting, "SELECT partition_lock()", &PGEXEC_NO_ARGS, NULL, NULL), ERR_OK);
    check_repair(plain, &range[1], ERR_OK);
    check_repair(store, &behind, ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM load_wanted", 0);
    check_repair(store, &range[0], ERR_DB_LATER);
    check_repair(store, &range[0], ERR_DB_LATER);
    check_sql(test.dsn, IS_WHOLE, ALL / 2);
    /* Now the rows are put in their place, although the import goes on; then all is as it was. */
    assert_int_equal(pgexec_do(rewriting, "SELECT pg_advisory_unlock_all()", &PGEXEC_NO_ARGS, NULL, NULL),
                     ERR_OK);
    assert_int_equal(db_load_seal(other, &idle, NULL), ERR_OK);
    check(&test, ALL);
    check_repair(store, &range[0], ERR_OK);
    put(store, &test, 0, 2 * ALL, ALL, 0);
    assert_int_equal(db_load_seal(other, &idle, NULL), ERR_OK);
    check_sql(test.dsn, IS_WHOLE, ALL / 2);
    pgconn_free(rewriting);
    pgconn_free(importing);
    pgconn_free(other);
    plain->ops->free(plain);
    store->ops->free(store);
}

/* Who must see every row and has time has it put in its place first, and stops when he is told to. */
static void settling_can_be_stopped(void **state)
{
    (void)state;
    static const atomic_bool stop = true;
    struct storetest test;
    storetest_new(&test);
    struct pgconn *rewriting = connect_to(&test);
    struct pgconn *other = connect_to(&test);
    struct store *store = loading(&test);
    put(store, &test, 0, 0, ALL, 0);
    assert_int_equal(pgexec_do(rewriting, "SELECT partition_lock()", &PGEXEC_NO_ARGS, NULL, NULL), ERR_OK);
    assert_int_equal(db_load_settle(other, &stop, NULL), ERR_CLOSED);
    assert_int_equal(pgexec_do(rewriting, "SELECT pg_advisory_unlock_all()", &PGEXEC_NO_ARGS, NULL, NULL),
                     ERR_OK);
    assert_int_equal(db_load_settle(other, NULL, NULL), ERR_OK);
    check(&test, ALL / 2);
    pgconn_free(rewriting);
    pgconn_free(other);
    store->ops->free(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_expired_waits_and_then_is_there),
        cmocka_unit_test(others_write_the_same_meanwhile),
        cmocka_unit_test(it_can_be_killed_behind_every_step),
        cmocka_unit_test(rows_of_their_own_go_the_same_way),
        cmocka_unit_test(an_issuance_under_two_domains_is_stored_once),
        cmocka_unit_test(what_is_too_large_for_memory_goes_in_passes),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(damage_is_told_in_front_of_much_else),
        cmocka_unit_test(nobody_of_before_goes_on),
        cmocka_unit_test(all_columns_are_carried),
        cmocka_unit_test(nobody_begins_while_rows_come),
        cmocka_unit_test(the_server_falls_meanwhile),
        cmocka_unit_test(a_repair_waits_for_nobody),
        cmocka_unit_test(settling_can_be_stopped),
    };
    return storetest_main(tests, countof(tests), "db_load");
}
