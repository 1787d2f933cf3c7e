/* While a database is being spread nobody gets a part of what it holds for the whole, and nobody who
 * connected before writes in the old way; afterwards certificates that are kept whole are found in it. */
#include "tests/fixture/citusrig.h"

#include "db/db_coverage.h"
#include "db/db_der.h"
#include "db/db_domain.h"
#include "db/db_part.h"
#include "db/db_psl.h"
#include "db/pgstore.h"
#include "db/query.h"
#include "db/spread.h"

static struct citusrig rig;
static char dsn[256];
static struct ctlog ctlog = {.id = 1};

static enum err_code no_answer(void *arg, const struct query_row *row, struct err *why)
{
    (void)arg;
    (void)row;
    return err_set(why, ERR_DB, "answered");
}

static enum err_code nothing_is_met(void *arg, const struct issuance *issuance,
                                    const struct sighting *sightings, size_t count, struct err *why)
{
    (void)arg;
    (void)issuance;
    (void)sightings;
    (void)count;
    return err_set(why, ERR_DB, "met");
}

static void no_gap(void *arg, const struct db_coverage_gap *gap)
{
    (void)arg;
    fail_msg("%s", gap->reason);
}

/* Who asks for what is half there is told so, and does not get a part of it. */
static void half_is_no_answer(void)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    struct query query;
    struct query_result result;
    struct db_der_place *places;
    struct db_coverage_part *parts;
    struct db_coverage_claim claim;
    char name[] = "x.test";
    struct watch watch = {.name = name};
    size_t count;
    bool taken;
    assert_int_equal(pgconn_open(dsn, &conn, &why), ERR_OK);
    assert_int_equal(query_parse("sub:x.test", &query, &why), ERR_OK);
    for (int i = 0; i < 2; i++) { /* it does not forget */
        assert_int_equal(query_run(conn, &query, no_answer, NULL, &result, &why), ERR_DB_CONFLICT);
        assert_non_null(strstr(why.text, "not copied yet"));
        err_clear(&why);
    }
    assert_int_equal(db_der_places(conn, (const uint8_t[32]){1}, &places, &count, &why), ERR_DB_CONFLICT);
    err_clear(&why);
    assert_int_equal(db_domain_history(conn, &watch, nothing_is_met, NULL, NULL, &why), ERR_DB_CONFLICT);
    err_clear(&why);
    /* What was read of logs is told by tiles. */
    assert_int_equal(db_coverage_parts(conn, &parts, &count, &why), ERR_DB_CONFLICT);
    err_clear(&why);
    assert_int_equal(db_coverage_gaps(conn, no_gap, NULL, &why), ERR_DB_CONFLICT);
    err_clear(&why);
    assert_int_equal(db_coverage_claim(conn, &claim, &why), ERR_DB_CONFLICT);
    err_clear(&why);
    assert_int_equal(db_part_lock(conn, &taken, &why), ERR_DB_CONFLICT);
    assert_false(taken);
    check_sql(dsn, "SELECT partition_lock()::int", 0);
    check_sql(dsn, "SELECT count(*) FROM partition_todo(now() + interval '3 years', 1, 1, false)", 0);
    pgconn_free(conn);
}

/* Who is from before is ended, also when the move is only taken up again. */
static void the_old_are_ended(void)
{
    struct err why = {0};
    struct pgconn *old = NULL;
    int64_t value;
    assert_int_equal(pgconn_open(dsn, &old, &why), ERR_OK);
    citusrig_migrate(dsn, true);
    assert_int_equal(pgexec_number(old, "SELECT 1", &PGEXEC_NO_ARGS, &value, &why), ERR_DB_DOWN);
    pgconn_free(old);
}

/* One that was not ended finds out before it writes, connects again, and writes as a cluster needs it. */
static void one_that_was_forgotten(void **state)
{
    (void)state;
    struct err why = {0};
    struct store *store = storetest_open(dsn);
    struct pgstore *pg = pgstore_of(store);
    struct store_range range;
    struct batch batch;
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_take(store, 1, &range);
    citusrig_batch(&batch, &ctlog, range.next, 1000, 100);
    batch.watch_generation = 1;
    pg->conn->spread = false;
    assert_int_equal(storetest_commit(store, &range, &batch, &why), ERR_DB_DOWN);
    assert_non_null(strstr(why.text, "spread"));
    assert_false(pg->conn->spread);
    err_clear(&why);
    storetest_must_commit(store, &range, &batch);
    assert_true(pg->conn->spread);
    batch_fini(&batch);
    store->ops->free(store);
    check_sql(dsn, "SELECT count(*) FROM cert", 150);
}

static bool is_that(void *arg, struct span der)
{
    struct span *wanted = arg;
    return span_eq(*wanted, der);
}

/* Certificates that are kept whole are found by either hash, and so are all their places. */
static void what_is_kept_whole_is_found(void **state)
{
    (void)state;
    struct err why = {0};
    struct pgconn *conn = NULL;
    struct store *store = storetest_open(dsn);
    struct store_range range;
    struct batch batch;
    struct db_der_place *places = NULL;
    size_t count = 0;
    bool found = false;
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    assert_true(store_pg_keep(store, STORE_PG_ALL, STORE_PG_DER_ALL));
    storetest_take(store, 1, &range);
    citusrig_batch(&batch, &ctlog, range.next, 5000, 100);
    batch.watch_generation = 1;
    for (size_t i = 0; i < batch.entry_count; i++) {
        struct entry *entry = &batch.entries[i];
        struct span der = arena_copy(&batch.arena, span_of(entry->issuance.tbs_fp, 32));
        if (entry->sighting.form == ISSUANCE_FINAL)
            entry->cert_der = der;
        else
            entry->unverified_precert = der;
        dbkey_sha256(der, entry->sighting.sha256);
    }
    storetest_must_commit(store, &range, &batch);
    assert_int_equal(pgconn_open(dsn, &conn, &why), ERR_OK);
    for (size_t i = 0; i < batch.entry_count; i += 33) {
        const struct entry *entry = &batch.entries[i];
        struct span der = span_of(entry->issuance.tbs_fp, 32);
        if (db_der_find(conn, entry->sighting.sha256, is_that, &der, &found, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_true(found);
        for (int by_fp = 0; by_fp < 2; by_fp++) {
            const uint8_t *hash = by_fp ? entry->issuance.tbs_fp : entry->sighting.sha256;
            if (db_der_places(conn, hash, &places, &count, &why) != ERR_OK)
                fail_msg("%s", why.text);
            assert_true(count >= 1);
            assert_int_equal(places[0].log.id, 1);
            assert_int_equal(places[0].by_sha256, !by_fp);
            free(places);
        }
    }
    pgconn_free(conn);
    batch_fini(&batch);
    store->ops->free(store);
}

static void put_some(void)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    struct store *store;
    struct store_range range;
    struct batch batch;
    storetest_run(dsn, "INSERT INTO log (name, protocol, url, log_id, key) VALUES ('log 1', 'rfc6962',"
                       " 'https://log.test', sha256('1'), 'key');"
                       "INSERT INTO log_range (log, range_begin, next, verified, frontier)"
                       " VALUES (1, 0, 0, 0, int8send(0));"
                       "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    assert_int_equal(pgconn_open(dsn, &conn, &why), ERR_OK);
    assert_int_equal(db_psl_install(conn, NULL, &why), ERR_OK);
    pgconn_free(conn);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    store = storetest_open(dsn);
    storetest_take(store, 1, &range);
    citusrig_batch(&batch, &ctlog, 0, 0, 200);
    batch.watch_generation = 1;
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
}

/* The session ends between two partitions. */
static void strike(void *arg, const char *step)
{
    (void)arg;
    if (strcmp(step, "2016") == 0)
        storetest_run(dsn,
                      "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                      " AND classid = 1668707433 AND objid = 1935896437");
}

static void a_move_that_is_cut_off(void **state)
{
    (void)state;
    struct err why = {0};
    struct pgconn *conn = NULL;
    put_some();
    assert_int_equal(pgconn_open(dsn, &conn, &why), ERR_OK);
    assert_int_equal(scaleout_run(conn, CITUSRIG_SHARDS, strike, NULL, &why), ERR_DB_DOWN);
    pgconn_free(conn);
    half_is_no_answer();
    the_old_are_ended();
    check_sql(dsn, "SELECT count(*) FROM cert", 100);
    check_sql(dsn, "SELECT sum(cardinality(fp8))::int8 FROM log_tile", 200);
}

static int start(void **state)
{
    (void)state;
    citusrig_database(&rig, "spread", dsn);
    citusrig_migrate(dsn, false);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_move_that_is_cut_off),
        cmocka_unit_test(one_that_was_forgotten),
        cmocka_unit_test(what_is_kept_whole_is_found),
    };
    int started = citusrig_start(&rig);
    if (started != 0)
        return started;
    int failed = cmocka_run_group_tests(tests, start, NULL);
    citusrig_stop(&rig);
    return failed;
}
