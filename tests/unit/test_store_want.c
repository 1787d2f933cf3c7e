/* CA certificates that are looked for, in the database: over restarts, so many of a log, until they come. */
#include "tests/fixture/storetest.h"

#include "base/limits.h"

/* As good as any. */
static void hash_of(int number, uint8_t sha256[32])
{
    memset(sha256, number, 32);
}

static void want(struct store *store, int32_t log, int number, int64_t absent_ms)
{
    struct err why = {0};
    uint8_t sha256[32];
    hash_of(number, sha256);
    if (store->ops->want_put(store, log, sha256, absent_ms, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static size_t list(struct store *store, int32_t log, struct store_want *out, size_t max)
{
    struct err why = {0};
    size_t count = 0;
    if (store->ops->want_list(store, log, out, max, &count, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return count;
}

static void they_outlive_who_looks_for_them(void **state)
{
    (void)state;
    struct storetest test;
    struct store_want wants[8];
    uint8_t sha256[32];
    struct err why = {0};
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    assert_int_equal(list(store, 1, wants, countof(wants)), 0);
    want(store, 1, 1, 600000);
    want(store, 1, 2, 0);
    want(store, 1, 2, 0);
    want(store, 2, 1, 0);
    store->ops->free(store);
    store = storetest_open(test.dsn);
    assert_int_equal(list(store, 1, wants, countof(wants)), 2);
    hash_of(2, sha256);
    assert_memory_equal(wants[0].sha256, sha256, 32); /* may be asked for, so it is the first */
    assert_int_equal(wants[0].absent_ms, 0);
    hash_of(1, sha256);
    assert_memory_equal(wants[1].sha256, sha256, 32);
    assert_true(wants[1].absent_ms > 500000 && wants[1].absent_ms <= 600000);
    assert_int_equal(list(store, 1, wants, 1), 1);
    /* One that came, by whichever log, is not looked for any more; nor is one that does not come for a month.
     */
    struct store_ca ca = {.log_id = 2, .der = SPAN_LIT("certificate"), .subject = SPAN_LIT("name")};
    memcpy(ca.sha256, sha256, 32);
    if (store->ops->issuer_cert_put(store, &ca, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(list(store, 2, wants, countof(wants)), 0);
    assert_int_equal(list(store, 1, wants, countof(wants)), 1);
    storetest_run(test.dsn, "UPDATE issuer_want SET since = now() - interval '40 days'");
    assert_int_equal(list(store, 1, wants, countof(wants)), 0);
    check_sql(test.dsn, "SELECT count(*) FROM issuer_want", 0);
    store->ops->free(store);
}

/* A log makes them up: it fills its own part, and what is there can still change. */
static void so_many_of_a_log(void **state)
{
    (void)state;
    struct storetest test;
    char sql[256];
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO issuer_want (sha256, log) SELECT sha256(i::text::bytea), 1"
                   " FROM generate_series(2, %d) AS i",
                   LIMIT_ISSUER_WANTS);
    storetest_run(test.dsn, sql);
    want(store, 1, 1, 0);
    want(store, 1, 2, 0); /* one too many */
    want(store, 1, 1, 600000);
    want(store, 2, 2, 0);
    (void)snprintf(sql, sizeof sql,
                   "SELECT (count(*) FILTER (WHERE log = 1) - %d) * 100 + 10 * count(absent_until) +"
                   " count(*) FILTER (WHERE log = 2) FROM issuer_want",
                   LIMIT_ISSUER_WANTS);
    check_sql(test.dsn, sql, 11);
    store->ops->free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_outlive_who_looks_for_them),
        cmocka_unit_test(so_many_of_a_log),
    };
    return storetest_main(tests, countof(tests), "store_want");
}
