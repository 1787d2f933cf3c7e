#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/der.h"
#include "parser/when.h"

static const struct {
    uint32_t tag;
    const char *text;
    enum when when;
    int64_t unix_s;
} rows[] = {
    {DER_UTC_TIME, "700101000000Z", WHEN_OK, 0},
    {DER_UTC_TIME, "491231235959Z", WHEN_OK, 2524607999},
    {DER_UTC_TIME, "500101000000Z", WHEN_OK, -631152000},
    {DER_UTC_TIME, "240229120000Z", WHEN_OK, 1709208000},
    {DER_UTC_TIME, "230229120000Z", WHEN_UNREADABLE, 0},
    {DER_UTC_TIME, "0001010000Z", WHEN_ODD, 946684800},
    {DER_UTC_TIME, "0001010000", WHEN_ODD, 946684800},
    {DER_UTC_TIME, "000101000000+0130", WHEN_ODD, 946684800 - 5400},
    {DER_UTC_TIME, "000101000000-0130", WHEN_ODD, 946684800 + 5400},
    {DER_UTC_TIME, "000101000000+2400", WHEN_UNREADABLE, 0},
    {DER_UTC_TIME, "000101240000Z", WHEN_ODD, 946771200},
    {DER_UTC_TIME, "000101240001Z", WHEN_UNREADABLE, 0},
    {DER_UTC_TIME, "000101235960Z", WHEN_ODD, 946771200},
    {DER_UTC_TIME, "000101235961Z", WHEN_UNREADABLE, 0},
    {DER_UTC_TIME, "001301000000Z", WHEN_UNREADABLE, 0},
    {DER_UTC_TIME, "000001000000Z", WHEN_UNREADABLE, 0},
    {DER_UTC_TIME, "000100000000Z", WHEN_UNREADABLE, 0},
    {DER_UTC_TIME, "000101000000ZZ", WHEN_UNREADABLE, 0},
    {DER_UTC_TIME, "000101000000z", WHEN_UNREADABLE, 0},
    {DER_UTC_TIME, "00 101000000Z", WHEN_UNREADABLE, 0},
    {DER_UTC_TIME, "", WHEN_UNREADABLE, 0},
    {DER_GENERALIZED_TIME, "20500101000000Z", WHEN_OK, 2524608000},
    {DER_GENERALIZED_TIME, "20491231235959Z", WHEN_ODD, 2524607999},
    {DER_GENERALIZED_TIME, "99991231235959Z", WHEN_OK, 253402300799},
    {DER_GENERALIZED_TIME, "00010101000000Z", WHEN_ODD, -62135596800},
    {DER_GENERALIZED_TIME, "20500101000000.123Z", WHEN_ODD, 2524608000},
    {DER_GENERALIZED_TIME, "20500101000000.Z", WHEN_ODD, 2524608000},
    {DER_GENERALIZED_TIME, "205001010000", WHEN_ODD, 2524608000},
    {0x02, "700101000000Z", WHEN_UNREADABLE, 0},
};

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        int64_t unix_s = -7;
        enum when when = when_read(rows[i].tag, span_str(rows[i].text), &unix_s);
        if (when != rows[i].when)
            print_error("row %zu: %s\n", i, rows[i].text);
        assert_int_equal(when, rows[i].when);
        assert_true(unix_s == (when == WHEN_UNREADABLE ? -7 : rows[i].unix_s));
    }
}

static void test_nul_inside(void **state)
{
    int64_t unix_s = 0;

    (void)state;
    assert_int_equal(when_read(DER_UTC_TIME, SPAN_LIT("70010100000\0Z"), &unix_s), WHEN_UNREADABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_nul_inside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
