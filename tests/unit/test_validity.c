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
        int months;
    } rows[] = {
        {"2012-06-30T23:59:59Z", VALIDITY_NO_LIMIT, 0},
        {"2012-07-01T00:00:00Z", 1827, 60},
        {"2015-03-31T23:59:59Z", 1828, 60}, /* with the leap days of 2016 and 2020 */
        {"2015-04-01T00:00:00Z", 1188, 39},
        {"2018-02-28T23:59:59Z", 1186, 39},
        {"2018-03-01T00:00:00Z", 825, 0},
        {"2020-08-31T23:59:59Z", 825, 0},
        {"2020-09-01T00:00:00Z", 398, 0},
        {"2026-03-14T23:59:59Z", 398, 0},
        {"2026-03-15T00:00:00Z", 200, 0},
        {"2027-03-14T23:59:59Z", 200, 0},
        {"2027-03-15T00:00:00Z", 100, 0},
        {"2029-03-14T23:59:59Z", 100, 0},
        {"2029-03-15T00:00:00Z", 47, 0},
        {"9999-12-31T23:59:59Z", 47, 0},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(validity_days_max(at(rows[i].not_before)), rows[i].days);
        assert_int_equal(validity_months_max(at(rows[i].not_before)), rows[i].months);
    }
}

/* The rules of old count from a date to a date. */
static void months(void **state)
{
    static const struct {
        const char *not_before;
        const char *not_after;
        bool within;
    } rows[] = {
        {"2016-08-07T00:00:00Z", "2019-11-07T00:00:00Z", true},
        {"2016-08-07T00:00:00Z", "2019-11-07T23:59:59Z", true},
        {"2016-08-07T00:00:00Z", "2019-11-08T00:00:00Z", false},
        {"2016-08-07T12:00:00Z", "2019-11-07T12:00:00Z", true},
        {"2016-08-07T00:00:00Z", "2019-11-20T00:00:00Z", false}, /* 1200 days */
        {"2015-01-31T00:00:00Z", "2020-01-31T23:59:59Z", true},
        {"2015-01-31T00:00:00Z", "2020-02-01T00:00:00Z", false},
        {"2015-02-28T10:00:00Z", "2020-02-28T10:00:00Z", true},
        {"2016-11-30T00:00:00Z", "2020-03-01T00:00:00Z", true}, /* 2020-02-30 */
        {"2016-11-30T00:00:00Z", "2020-03-02T00:00:00Z", false},
        {"2016-12-31T00:00:00Z", "2020-03-31T00:00:00Z", true},
        {"2016-12-31T00:00:00Z", "2020-04-01T00:00:00Z", false},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        int64_t begin = at(rows[i].not_before);
        bool within = validity_days(begin, at(rows[i].not_after)) <= validity_days_max(begin);
        assert_int_equal(within, rows[i].within);
    }
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(schedule), cmocka_unit_test(months),
                                       cmocka_unit_test(lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
