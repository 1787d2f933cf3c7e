#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ingest/host.h"

static void test_same_host(void **state)
{
    (void)state;
    struct host_table table = {.count = 0};
    struct host *a = host_of(&table, "https://ct.example/2026/ct/v1/get-sth", 0);
    assert_non_null(a);
    assert_ptr_equal(a, host_of(&table, "https://CT.example/2027", 0));
    assert_ptr_equal(a, host_of(&table, "https://ct.example", 0));
    assert_ptr_not_equal(a, host_of(&table, "https://ct.example:444/2026", 0));
    assert_ptr_not_equal(a, host_of(&table, "http://ct.example/2026", 0));
    assert_ptr_not_equal(a, host_of(&table, "https://ct.example.org/2026", 0));
    host_free_all(&table);
}

static void test_hold(void **state)
{
    (void)state;
    struct host_table table = {.count = 0};
    struct host *host = host_of(&table, "https://a/", 0);
    assert_int_equal(host_take(host, 0), 0);
    host_hold(host, 100, 5000);
    assert_int_equal(host_take(host, 100), 5000);
    host_hold(host, 200, 1000); /* never shortens what was asked for */
    assert_int_equal(host_take(host, 200), 4900);
    assert_int_equal(host_take(host, 5100), 0);
    host_hold(host, 6000, -1);
    int64_t first_ms = host_take(host, 6000);
    assert_true(first_ms >= 700 && first_ms <= 1300);
    host_hold(host, 6000, -1); /* requests that fail together are one refusal */
    assert_int_equal(host_take(host, 6000), first_ms);
    host_hold(host, 20000, -1);
    assert_true(host_take(host, 20000) > first_ms);
    host_well(host);
    host_hold(host, 90000, -1);
    assert_true(host_take(host, 90000) <= 1300);
    host_free_all(&table);
}

/* A server is not taken at its word when it says "at once" or "in ten years". */
static void test_hold_bounds(void **state)
{
    (void)state;
    struct host_table table = {.count = 0};
    struct host *host = host_of(&table, "https://a/", 0);
    host_hold(host, 0, 0);
    assert_true(host_take(host, 0) >= 700);
    int64_t at_ms = 0;
    unsigned refusals = 0;
    for (; at_ms < 60000; refusals++) {
        host_hold(host, at_ms, 0);
        at_ms += host_take(host, at_ms);
    }
    assert_true(refusals <= 10);
    host_hold(host, at_ms, INT64_C(315360000000));
    assert_int_equal(host_take(host, at_ms), LIMIT_RETRY_AFTER_MS);
    host_free_all(&table);
}

/* Asking how long it would take takes nothing. */
static void test_wait(void **state)
{
    (void)state;
    struct host_table table = {.requests_per_s = 1};
    struct host *host = host_of(&table, "https://a/", 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(host_wait(host, 0), 0);
    assert_int_equal(host_take(host, 0), 0);
    int64_t wait_ms = host_wait(host, 0);
    assert_true(wait_ms > 0);
    assert_int_equal(host_wait(host, wait_ms), 0);
    assert_int_equal(host_take(host, wait_ms), 0);
    host_hold(host, wait_ms, 5000);
    assert_int_equal(host_wait(host, wait_ms), 5000);
    host_free_all(&table);
}

static void test_rate(void **state)
{
    (void)state;
    struct host_table table = {.requests_per_s = 10};
    struct host *host = host_of(&table, "https://a/", 0);
    unsigned sent = 0;
    for (int64_t now_ms = 0; now_ms < 10000; now_ms += 10)
        sent += host_take(host, now_ms) == 0;
    assert_in_range(sent, 95, 112);
    host_free_all(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_host), cmocka_unit_test(test_hold), cmocka_unit_test(test_hold_bounds),
        cmocka_unit_test(test_wait),      cmocka_unit_test(test_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
