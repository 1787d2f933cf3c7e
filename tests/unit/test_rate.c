#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rate.h"
#include "base/text.h"

static void bucket_gives_what_it_has(void **state)
{
    struct rate_bucket bucket;
    (void)state;
    rate_bucket_init(&bucket, 10, 3, 1000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rate_bucket_take(&bucket, 1000), 0);
    int64_t wait_ms = rate_bucket_take(&bucket, 1000);
    assert_in_range(wait_ms, 100, 101);
    assert_true(rate_bucket_take(&bucket, 1050) > 0);
    assert_int_equal(rate_bucket_take(&bucket, 1000 + wait_ms), 0);
    assert_true(rate_bucket_take(&bucket, 1000 + wait_ms) > 0);
    /* A long pause fills it to the burst, not beyond; a clock that jumps back breaks nothing. */
    for (int i = 0; i < 3; i++)
        assert_int_equal(rate_bucket_take(&bucket, 1000000), 0);
    assert_true(rate_bucket_take(&bucket, 1000000) > 0);
    assert_true(rate_bucket_take(&bucket, 5) > 0);
    assert_true(rate_bucket_take(&bucket, 6) > 0);
}

/* Bytes that came already: whoever took more than there was waits until that is paid off. */
static void what_was_spent_is_paid_off(void **state)
{
    struct rate_bucket bucket;
    int64_t now_ms = 0;
    double bytes = 0;
    (void)state;
    rate_bucket_init(&bucket, 1000, 500, 0);
    assert_int_equal(rate_bucket_spend(&bucket, 0, 500), 0);
    assert_in_range(rate_bucket_spend(&bucket, 0, 2000), 2000, 2001);
    assert_in_range(rate_bucket_spend(&bucket, 1000, 0), 1000, 1001);
    assert_int_equal(rate_bucket_spend(&bucket, 2001, 0), 0);
    /* Replies of 300 kB at 100 kB in a second, for ten minutes. */
    rate_bucket_init(&bucket, 1e5, 1e5, 0);
    while (now_ms < 600000) {
        bytes += 3e5;
        now_ms += rate_bucket_spend(&bucket, now_ms, 3e5);
    }
    assert_in_range((uint64_t)(bytes / 1000), 60000, 60500);
    /* A clock that jumps back gives nothing and hangs nowhere. */
    assert_true(rate_bucket_spend(&bucket, 5, 1) >= 0);
    rate_bucket_init(&bucket, 0, 1, 0);
    assert_int_equal(rate_bucket_spend(&bucket, 0, 1e12), 0);
    rate_bucket_init(&bucket, 1e-9, 1, 0);
    assert_int_equal(rate_bucket_spend(&bucket, 0, 1e12), INT32_MAX);
}

static void over_a_minute_the_rate_holds(void **state)
{
    struct rate_bucket bucket;
    int taken = 0;
    int64_t now_ms = 0;
    (void)state;
    rate_bucket_init(&bucket, 7, 2, 0);
    while (now_ms < 60000) {
        int64_t wait_ms = rate_bucket_take(&bucket, now_ms);
        assert_true(wait_ms >= 0);
        taken += wait_ms == 0;
        now_ms += wait_ms;
    }
    assert_in_range(taken, 410, 422);
}

static void no_limit_never_waits(void **state)
{
    struct rate_bucket bucket;
    (void)state;
    rate_bucket_init(&bucket, 0, 1, 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(rate_bucket_take(&bucket, 0), 0);
    rate_bucket_init(&bucket, 1e-9, 1, 0);
    assert_int_equal(rate_bucket_take(&bucket, 0), 0);
    assert_int_equal(rate_bucket_take(&bucket, 0), INT32_MAX);
}

static void backoff_doubles_and_stays_below_its_ceiling(void **state)
{
    struct rate_backoff a, b;
    int different = 0;
    int64_t before_ms = 0;
    (void)state;
    rate_backoff_init(&a, 100, 30000, 1);
    rate_backoff_init(&b, 100, 30000, 2);
    for (int i = 0; i < 40; i++) {
        int64_t wait_ms = rate_backoff_next(&a);
        assert_in_range(wait_ms, 75, 30000);
        if (i > 0 && before_ms < 12000)
            assert_true(wait_ms >= before_ms * 3 / 2 - 1 && wait_ms <= before_ms * 5 / 2 + 1);
        if (i > 20)
            assert_true(wait_ms > 30000 / 2);
        different += wait_ms != rate_backoff_next(&b);
        before_ms = wait_ms;
    }
    assert_true(different > 30);
    rate_backoff_reset(&a);
    assert_in_range(rate_backoff_next(&a), 75, 125);
    rate_backoff_init(&a, 1, 1, 0);
    assert_int_equal(rate_backoff_next(&a), 1);
}

static void retry_after_in_all_forms(void **state)
{
    /* 1994-11-06T08:49:37Z */
    const int64_t at_ms = INT64_C(784111777000);
    static const struct {
        const char *value;
        int64_t before_ms; /* now is that much before the date */
        int64_t wait_ms;
    } rows[] = {
        {"120", 0, 120000},
        {" 7\t", 0, 7000},
        {"0", 0, 0},
        {"3601", 0, 3600000},
        {"99999999999999999999999999", 0, 3600000},
        {"-1", 0, -1},
        {"1.5", 0, -1},
        {"", 0, -1},
        {"soon", 0, -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 5000, 5000},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 5000, 5000},
        {"Sun Nov  6 08:49:37 1994", 5000, 5000},
        {"Sun Nov 16 08:49:37 1994", 5000, 3600000},
        {"Sun, 06 Nov 1994 08:49:37 GMT", -5000, 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 7200000, 3600000},
        {"Sun, 06 Nov 1994 08:49:37 CET", 5000, -1},
        {"Sun, 06 Nov 1994 08:49 GMT", 5000, -1},
        {"Sun, 06 Nov 1994 25:49:37 GMT", 5000, -1},
        {"Sun, 06 Foo 1994 08:49:37 GMT", 5000, -1},
        {"Sun, 41 Nov 1994 08:49:37 GMT", 5000, -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT, x", 5000, -1},
        {"Sun Nov  6 08:49:37 1994 GMT", 5000, -1},
        {",,,,,,", 0, -1},
        {"\x1b[2J", 0, -1},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(rate_retry_after_ms(span_str(rows[i].value), at_ms - rows[i].before_ms, 3600000),
                         rows[i].wait_ms);
    assert_int_equal(rate_retry_after_ms(SPAN_LIT("1\0002"), at_ms, 1000), -1);
    assert_int_equal(rate_retry_after_ms(SPAN_LIT("Sun\0, 06 Nov"), at_ms, 1000), -1);
    assert_int_equal(rate_retry_after_ms(SPAN_NONE, at_ms, 1000), -1);
    /* A two-digit year far ahead lies in the past. */
    assert_int_equal(rate_retry_after_ms(SPAN_LIT("Sunday, 06-Nov-94 08:49:37 GMT"),
                                         text_days(2026, 11, 21) * 86400000, 1000),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket_gives_what_it_has),
        cmocka_unit_test(what_was_spent_is_paid_off),
        cmocka_unit_test(over_a_minute_the_rate_holds),
        cmocka_unit_test(no_limit_never_waits),
        cmocka_unit_test(backoff_doubles_and_stays_below_its_ceiling),
        cmocka_unit_test(retry_after_in_all_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
