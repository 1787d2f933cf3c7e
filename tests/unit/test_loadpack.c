/* However large a row of a backfill is: it is packed or stands alone, and comes out as it went in. */
#include "tests/fixture/storetest.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/db_load.h"

#define OLD_S INT64_C(1600000000) /* September 2020 */
#define ROWS  400
#define INDEXES_SQL                                                                                          \
    "SELECT count(*) FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indrelid JOIN partition_state AS s"  \
    " ON s.sealed_at IS NOT NULL AND c.relname IN ('cert_' || s.suffix, 'cert_apex_' || s.suffix, "          \
    "'cert_ip_' || s.suffix)"
#define VALUE_MAX (LIMIT_COPY_BYTES - (1u << 20)) /* of which loadpack.c makes one value */

/* So many rows, one of which has a serial of `bytes`. */
static void put(const struct storetest *test, size_t bytes, const char *whence)
{
    static const char whence_sql[] = "SELECT count(*) FROM %s";
    char sql[64];
    struct err why = {0};
    struct store_range range;
    struct batch batch;
    struct store *store = storetest_open(test->dsn);
    uint8_t *large = malloc(bytes);
    assert_non_null(large);
    memset(large, 0x5a, bytes);
    assert_int_equal(store_pg_load(store, &why), ERR_OK);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_take(store, 1, &range);
    storetest_pairs(&batch, &test->log[0], 0, 0, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        batch.entries[i].issuance.not_before = OLD_S;
        batch.entries[i].issuance.not_after = OLD_S + 90 * 86400;
    }
    /* Both of a pair, behind rows that wait to be sent. */
    batch.entries[ROWS - 2].issuance.serial = span_of(large, bytes);
    batch.entries[ROWS - 1].issuance.serial = span_of(large, bytes);
    storetest_must_commit(store, &range, &batch);
    (void)snprintf(sql, sizeof sql, whence_sql, whence);
    assert_true(pgtest_count(test->dsn, sql) > 0);
    batch_fini(&batch);
    store->ops->free(store);
    free(large);
}

static void a_row_of(size_t bytes, const char *whence)
{
    const struct db_load_how how = {.wait_ms = 20000};
    struct storetest test;
    struct err why = {0};
    struct pgconn *conn = NULL;
    char sql[96];
    storetest_new(&test);
    put(&test, bytes, whence);
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    if (db_load_seal(conn, &how, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(test.dsn, "SELECT count(*) FROM cert", ROWS / 2);
    check_sql(test.dsn, INDEXES_SQL, 9); /* of both halves */
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM cert WHERE octet_length(serial) = %zu", bytes);
    check_sql(test.dsn, sql, 1);
    pgconn_free(conn);
}

/* Nearly as large as a value may be, and the rows in front of it are not sent yet. */
static void the_largest_is_packed(void **state)
{
    (void)state;
    a_row_of(VALUE_MAX - 4096, "cert_load_run WHERE octet_length(rows) > 60000000");
}

static void a_larger_one_stands_alone(void **state)
{
    (void)state;
    a_row_of(VALUE_MAX, "cert_load");
}

/* What is packed stands in its row, and is found by the index that a slot gets when it is closed. */
static void a_closed_slot_has_its_index(void **state)
{
    static const char indexes_sql[] = "SELECT count(*) FROM pg_index WHERE indrelid IN"
                                      " ('cert_load_run_1'::regclass, 'cert_load_run_2'::regclass)";
    (void)state;
    struct storetest test;
    storetest_new(&test);
    put(&test, 16, "cert_load_run WHERE octet_length(rows) > 2500");
    check_sql(test.dsn,
              "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'cert_load_run_1'::regclass",
              0);
    storetest_run(test.dsn, "SELECT load_close(); SELECT load_index(1)");
    check_sql(test.dsn, indexes_sql, 1);
    storetest_run(test.dsn, "SELECT load_index(1)");
    check_sql(test.dsn, indexes_sql, 1);
}

/* Each value is of one month, and no month of one bucket has two: the days around every end of February. */
static void values_are_of_one_month(void **state)
{
    (void)state;
    static const int64_t starts_s[] = {-INT64_C(62131276800), /* February of the year 1 */
                                       -INT64_C(11671257600), /* of 1600 */
                                       -INT64_C(2203977600),  /* of 1900 */
                                       INT64_C(951782400),    /* of 2000 */
                                       INT64_C(1709164800)};  /* of 2024 */
    struct storetest test;
    struct err why = {0};
    struct store_range range;
    struct batch batch;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    assert_int_equal(store_pg_load(store, &why), ERR_OK);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_take(store, 1, &range);
    storetest_pairs(&batch, &test.log[0], 0, 0, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        int64_t day = starts_s[i / 2 % countof(starts_s)] + (int64_t)(i / 2 / countof(starts_s)) * 86400;
        batch.entries[i].issuance.not_after = day + (i / 2 % 2 != 0 ? 86399 : 0);
        batch.entries[i].issuance.not_before = batch.entries[i].issuance.not_after - 1;
    }
    storetest_must_commit(store, &range, &batch);
    check_sql(test.dsn, "SELECT sum(count) FROM cert_load_run WHERE kind = 0", ROWS / 2);
    check_sql(test.dsn,
              "SELECT count(*) FROM cert_load_run WHERE date_trunc('month', lower) <> date_trunc('month', "
              "upper)",
              0);
    check_sql(
        test.dsn,
        "SELECT count(*) - count(DISTINCT (kind, bucket, date_trunc('month', lower))) FROM cert_load_run", 0);
    check_sql(test.dsn, "SELECT (count(DISTINCT date_trunc('month', lower)) > 9)::int FROM cert_load_run", 1);
    batch_fini(&batch);
    store->ops->free(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_is_packed),
        cmocka_unit_test(a_larger_one_stands_alone),
        cmocka_unit_test(a_closed_slot_has_its_index),
        cmocka_unit_test(values_are_of_one_month),
    };
    return storetest_main(tests, countof(tests), "loadpack");
}
