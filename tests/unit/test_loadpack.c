/* However large a row of a backfill is: it is packed or stands alone, and comes out as it went in. */
#include "tests/fixture/storetest.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/db_load.h"

#define OLD_S     INT64_C(1600000000) /* September 2020 */
#define ROWS      400
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_is_packed),
        cmocka_unit_test(a_larger_one_stands_alone),
    };
    return storetest_main(tests, countof(tests), "loadpack");
}
