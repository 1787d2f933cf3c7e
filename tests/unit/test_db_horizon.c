/* Retention: what expired long ago goes by whole partitions, and what comes later of it is not stored. */
#include "db/db_horizon.h"

#include "db/db_der.h"
#include "tests/fixture/parttest.h"

/* Times that no calendar has, and those that a certificate may well claim. */
static const struct {
    int64_t not_before;
    int64_t not_after;
} absurd[] = {
    {INT64_MIN, INT64_MIN},                       /* unreadable, or before all times */
    {0, INT64_C(-62135596800)},                   /* year 1 */
    {0, -1},                                      /* before 1970 */
    {INT64_C(4102444800), INT64_C(1262304000)},   /* ends in 2010, before it begins */
    {INT64_C(1700000000), INT64_C(1735689600)},   /* 2025-01-01 sharp: the first moment of its partition */
    {INT64_C(1700000000), INT64_C(1735689599)},   /* and the last of the one before */
    {INT64_C(1700000000), INT64_C(253402300799)}, /* 9999 */
    {INT64_C(1700000000), INT64_MAX},
};

static void put_absurd(struct storetest *test, struct store *store, struct store_range *range)
{
    struct batch batch;
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test->log[range->log_id - 1], range->next, 0, 2 * countof(absurd));
    for (size_t i = 0; i < batch.entry_count; i++) {
        batch.entries[i].issuance.not_before = absurd[i / 2].not_before;
        batch.entries[i].issuance.not_after = absurd[i / 2].not_after;
    }
    issuances_alert(&batch, 4, ALERT_DOMAINS_NONE, ALERT_KIND_MALFORMED, "something odd");
    storetest_must_commit(store, range, &batch);
    batch_fini(&batch);
}

/* The places of what has no row any more are still there. */
static void found_beyond(struct pgconn *conn)
{
    struct db_horizon_place place;
    struct err why = {0};
    uint8_t hash[32];
    bool found;
    static const struct {
        const char *what;
        uint64_t number;
        bool beyond;
        const char *log;
        uint64_t index;
        int64_t day;
    } rows[] = {
        {"sha pre", 5, true, "log 1", 10, 20088}, {"sha fin", 3, true, "log 1", 7, 14610},
        {"fp", 3, true, "log 1", 6, 14610},       {"fp", 4, false, "", 0, 0},
        {"sha pre", 6, false, "", 0, 0},          {"fp", 99, false, "", 0, 0},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        issuances_hash(rows[i].what, rows[i].number, hash);
        if (db_horizon_find(conn, hash, &place, &found, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_int_equal(found, rows[i].beyond);
        if (!found)
            continue;
        assert_string_equal(place.log, rows[i].log);
        assert_int_equal(place.index, rows[i].index);
        assert_int_equal(place.expired_ms, rows[i].day * 86400000);
    }
}

static void what_expired_long_ago_goes_and_does_not_come_back(void **state)
{
    struct storetest test;
    struct store_range ranges[2];
    int64_t horizon_ms;
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    struct pgconn *conn = connect_to(test.dsn);
    storetest_take(store, 1, &ranges[0]);
    storetest_take(store, 2, &ranges[1]);
    put_absurd(&test, store, &ranges[0]);
    check_sql(test.dsn, "SELECT count(*) FROM cert", countof(absurd));
    (void)prune(test.dsn, INT64_C(1737000000000), 0); /* January 2025 */
    check_sql(test.dsn, "SELECT count(*) FROM cert", countof(absurd));
    assert_int_equal(db_horizon_get(conn, &horizon_ms, NULL), ERR_OK);
    assert_true(horizon_ms == INT64_MIN);

    (void)prune(test.dsn, INT64_C(1737000000000), 10);
    assert_int_equal(db_horizon_get(conn, &horizon_ms, NULL), ERR_OK);
    assert_int_equal(horizon_ms, INT64_C(1735689600000));
    check_sql(test.dsn, "SELECT count(*) FROM cert", 3);
    check_sql(test.dsn, "SELECT count(*) FROM cert WHERE not_after < timestamptz '2025-01-01Z'", 0);
    check_sql(test.dsn, "SELECT sum(n) FROM issued", countof(absurd));
    check_sql(test.dsn, "SELECT count(*) FROM partition_leaf WHERE lower < timestamptz '2025-01-01Z'", 0);

    /* The other log shows the same: places and the alert, no rows; the writer is the one that remembers them.
     */
    put_absurd(&test, store, &ranges[1]);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 3);
    check_sql(test.dsn, "SELECT count(*) FROM cert_apex WHERE not_after < timestamptz '2025-01-01Z'", 0);
    check_sql(test.dsn, "SELECT sum(n) FROM issued", countof(absurd));
    check_sql(test.dsn, "SELECT sum(cardinality(fp8)) FROM log_tile", 4 * countof(absurd));
    check_sql(test.dsn, "SELECT count(*) FROM alert_sighting WHERE log = 2", 1);
    /* It never goes back, whatever the configuration says later. */
    (void)prune(test.dsn, INT64_C(1737000000000), 3650);
    assert_int_equal(db_horizon_get(conn, &horizon_ms, NULL), ERR_OK);
    assert_int_equal(horizon_ms, INT64_C(1735689600000));
    /* Another writer, who has just come, knows it, too. */
    struct store *other = storetest_open(test.dsn);
    store->ops->free(store);
    storetest_take(other, 2, &ranges[1]);
    put_absurd(&test, other, &ranges[1]);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 3);
    found_beyond(conn);
    other->ops->free(other);
    pgconn_free(conn);
}

enum { DER_CERTS = 150, DER_BYTES = 700 }; /* more than two chunks for each end */

static bool is_seen(void *arg, struct span der)
{
    *(size_t *)arg = der.len;
    return true;
}

/* How many of the certificates `first`, `first` + 3, ... are there byte for byte. */
static size_t whole_ones(struct pgconn *conn, const struct batch *batch, size_t first)
{
    size_t count = 0;
    for (size_t i = 2 * first; i < batch->entry_count; i += 6) {
        struct err why = {0};
        size_t len = 0;
        bool found = false;
        if (db_der_find(conn, batch->entries[i].sighting.sha256, is_seen, &len, &found, &why) != ERR_OK)
            fail_msg("%s", why.text);
        count += found && len == DER_BYTES;
    }
    return count;
}

/* Certificates are kept whole in tables of their own: what retention drops goes there, too, and nothing else
 * does. */
static void bytes_go_with_their_partition(void **state)
{
    static const int64_t ends[] = {INT64_C(1733800000), INT64_C(1737400000), INT64_C(1790100000)};
    struct storetest test;
    struct store_range range;
    struct batch batch;
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    struct pgconn *conn = connect_to(test.dsn);
    assert_true(store_pg_keep(store, STORE_PG_ALL, STORE_PG_DER_ALL));
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 2 * DER_CERTS);
    batch.watch_generation = 1;
    for (size_t i = 0; i < batch.entry_count; i++) {
        struct entry *entry = &batch.entries[i];
        uint8_t *der = arena_take(&batch.arena, DER_BYTES, 1);
        assert_non_null(der);
        memset(der, (int)(i % 251), DER_BYTES);
        memcpy(der, &i, sizeof i);
        entry->issuance.not_after = ends[i / 2 % countof(ends)];
        entry->issuance.not_before = entry->issuance.not_after - 86400;
        if (entry->kind == ENTRY_X509)
            entry->cert_der = span_of(der, DER_BYTES);
        else
            entry->unverified_precert = span_of(der, DER_BYTES);
        dbkey_sha256(span_of(der, DER_BYTES), entry->sighting.sha256);
    }
    storetest_must_commit(store, &range, &batch);
    check_sql(test.dsn, "SELECT sum(cardinality(sha8)) FROM der_chunk", 2 * DER_CERTS);
    for (size_t i = 0; i < countof(ends); i++)
        assert_int_equal(whole_ones(conn, &batch, i), DER_CERTS / countof(ends));
    assert_true(prune(test.dsn, INT64_C(1737000000000), 10) != 0); /* January 2025 */
    check_sql(test.dsn, "SELECT count(*) FROM cert", DER_CERTS / 3 * 2);
    check_sql(test.dsn, "SELECT sum(cardinality(sha8)) FROM der_chunk", DER_CERTS / 3 * 4);
    check_sql(test.dsn, "SELECT count(*) FROM der_chunk WHERE month < '2025-01-01'", 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert_sha256", DER_CERTS / 3 * 2);
    assert_int_equal(whole_ones(conn, &batch, 0), 0);
    assert_int_equal(whole_ones(conn, &batch, 1), DER_CERTS / 3);
    assert_int_equal(whole_ones(conn, &batch, 2), DER_CERTS / 3);
    /* Somebody was stopped when the tables were gone and their bytes were not: the next drop takes both. */
    storetest_run(test.dsn, "CREATE TABLE kept AS SELECT * FROM der_chunk WHERE month < '2026-01-01'");
    assert_true(prune(test.dsn, INT64_C(1760000000000), 10) != 0); /* October 2025 */
    check_sql(test.dsn, "SELECT sum(cardinality(sha8)) FROM der_chunk", DER_CERTS / 3 * 2);
    storetest_run(test.dsn, "INSERT INTO der_chunk OVERRIDING SYSTEM VALUE SELECT * FROM kept");
    assert_int_equal(whole_ones(conn, &batch, 1), DER_CERTS / 3);
    assert_true(prune(test.dsn, LATER_MS, 30) != 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 0);
    check_sql(test.dsn, "SELECT count(*) FROM der_chunk", 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert_sha256", 0);
    assert_int_equal(whole_ones(conn, &batch, 2), 0);
    batch_fini(&batch);
    store->ops->free(store);
    pgconn_free(conn);
}

/* The tables go while rows come that belong there. */
static void dropped_while_rows_come(void **state)
{
    struct storetest test;
    struct writer writer = {.test = &test};
    pthread_t thread;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pthread_create(&thread, NULL, write_on, &writer), 0);
    (void)usleep(300000);
    assert_true(prune(test.dsn, LATER_MS, 30) > 2);
    (void)usleep(200000);
    atomic_store(&writer.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert_apex", 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert_ip", 0);
    check_sql(test.dsn, "SELECT sum(last_index - first_index + 1) FROM log_tile", (int64_t)writer.written);
    check_sql(test.dsn, "SELECT (sum(n) > 0)::int FROM issued", 1);
    check_sql(test.dsn, "SELECT next - verified - range_begin FROM log_range WHERE log = 1",
              (int64_t)writer.written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_expired_long_ago_goes_and_does_not_come_back),
        cmocka_unit_test(bytes_go_with_their_partition),
        cmocka_unit_test(dropped_while_rows_come),
    };
    return storetest_main(tests, countof(tests), "db_horizon");
}
