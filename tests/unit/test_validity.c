#include "watcher/validity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/text.h"

static int64_t at(const char *text)
{
    int64_t unix_ms = 0;
    assert_true(text_parse_time(span_str(text), &unix_ms));
    return unix_ms / 1000;
}

static void schedule(void **state)
{
    static const struct {
        const char *not_before;
        int64_t days;
    } rows[] = {
        {"2012-06-30T23:59:59Z", VALIDITY_NO_LIMIT},
        {"2012-07-01T00:00:00Z", 60 * 31},
        {"2015-03-31T23:59:59Z", 60 * 31},
        {"2015-04-01T00:00:00Z", 39 * 31},
        {"2018-02-28T23:59:59Z", 39 * 31},
        {"2018-03-01T00:00:00Z", 825},
        {"2020-08-31T23:59:59Z", 825},
        {"2020-09-01T00:00:00Z", 398},
        {"2026-03-14T23:59:59Z", 398},
        {"2026-03-15T00:00:00Z", 200},
        {"2027-03-14T23:59:59Z", 200},
        {"2027-03-15T00:00:00Z", 100},
        {"2029-03-14T23:59:59Z", 100},
        {"2029-03-15T00:00:00Z", 47},
        {"9999-12-31T23:59:59Z", 47},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(validity_days_max(at(rows[i].not_before)), rows[i].days);
}

static void lengths(void **state)
{
    static const struct {
        int64_t seconds; /* notAfter - notBefore */
        int64_t days;
    } rows[] = {
        {-1, 0},
        {0, 1},
        {86399, 1},
        {86400, 2},
        {90 * 86400 - 1, 90},
        {90 * 86400, 91},
        {398 * 86400 - 1, 398},
        {398 * 86400, 399},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(validity_days(1700000000, 1700000000 + rows[i].seconds), rows[i].days);
    /* A real 90-day certificate: 17:49:40 to 17:49:39. */
    assert_int_equal(validity_days(at("2026-01-01T17:49:40Z"), at("2026-04-01T17:49:39Z")), 90);
    /* The unreadable ends of time do not overflow. */
    assert_true(validity_days(-62135596800, 253402300799) > 3600000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(schedule), cmocka_unit_test(lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
