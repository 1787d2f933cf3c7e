#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cur.h"

static void reads_straight_down(void **state)
{
    struct cur cur = cur_of(SPAN_LIT("\x01\x02\x03\x00\x02ok\x01!"));
    (void)state;
    assert_int_equal(cur_uint(&cur, 1), 1);
    assert_int_equal(cur_uint(&cur, 2), 0x0203);
    assert_true(span_eq(cur_vector(&cur, 2), SPAN_LIT("ok")));
    assert_false(cur_done(&cur));
    assert_true(span_eq(cur_vector(&cur, 1), SPAN_LIT("!")));
    assert_true(cur_done(&cur));
}

static void an_error_sticks(void **state)
{
    struct cur cur = cur_of(SPAN_LIT("\x05"
                                     "abc"));
    (void)state;
    assert_null(cur_vector(&cur, 1).at);
    assert_true(cur.failed);
    assert_int_equal(cur_uint(&cur, 1), 0);
    assert_int_equal(cur_bytes(&cur, 0).len, 0);
    assert_false(cur_done(&cur));
}

static void nothing_is_read_of_nothing(void **state)
{
    struct cur cur = cur_of(SPAN_NONE);
    (void)state;
    assert_true(cur_done(&cur));
    assert_int_equal(cur_bytes(&cur, 0).len, 0);
    assert_true(cur_done(&cur));
    assert_int_equal(cur_uint(&cur, 8), 0);
    assert_false(cur_done(&cur));
}

/* A length prefix near the end of the address space must not wrap round. */
static void a_huge_length_fails(void **state)
{
    struct cur cur = cur_of(SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xff"
                                     "x"));
    (void)state;
    assert_null(cur_vector(&cur, 8).at);
    assert_true(cur.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_straight_down),
        cmocka_unit_test(an_error_sticks),
        cmocka_unit_test(nothing_is_read_of_nothing),
        cmocka_unit_test(a_huge_length_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
