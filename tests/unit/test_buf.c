#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void writes_down(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 1000);
    assert_string_equal(buf_text(&buf), "");
    buf_str(&buf, "ab");
    buf_byte(&buf, 'c');
    buf_u16(&buf, 0x0102);
    buf_u24(&buf, 0x030405);
    buf_u32(&buf, 0x06070809);
    buf_u64(&buf, UINT64_C(0x0a0b0c0d0e0f1011));
    buf_put(&buf, SPAN_NONE);
    buf_put(&buf, SPAN_LIT("z"));
    assert_true(buf_ok(&buf));
    assert_true(span_eq(buf_span(&buf), SPAN_LIT("abc\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21z")));
    buf_patch_u32(&buf, 0, 0x41424344);
    assert_memory_equal(buf.at, "ABCD", 4);
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    buf_fini(&buf);
    buf_fini(&buf);
}

static void formats_of_any_length(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 5000);
    buf_fmt(&buf, "%d-%s", 7, "x");
    buf_fmt(&buf, "%*d", 4000, 5);
    assert_int_equal(buf.len, 4003);
    assert_int_equal(buf.at[4002], '5');
    assert_string_equal(buf_text(&buf) + 4002, "5");
    buf_fmt(&buf, "%*d", 997, 6);
    assert_true(buf_ok(&buf));
    buf_fmt(&buf, "%s", "");
    assert_true(buf_ok(&buf));
    buf_fmt(&buf, "%s", "!");
    assert_false(buf_ok(&buf));
    buf_fini(&buf);
}

static void overflow_is_sticky(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 4);
    buf_str(&buf, "abcd");
    assert_true(buf_ok(&buf));
    assert_string_equal(buf_text(&buf), "abcd");
    buf_byte(&buf, 'e');
    assert_false(buf_ok(&buf));
    assert_int_equal(buf.len, 4);
    buf_put(&buf, SPAN_NONE);
    buf_patch_u32(&buf, 0, 0);
    assert_memory_equal(buf.at, "abcd", 4);
    assert_string_equal(buf_text(&buf), "");
    assert_null(buf_room(&buf, 0));
    buf_clear(&buf);
    assert_non_null(buf_room(&buf, 4));
    assert_null(buf_room(&buf, SIZE_MAX));
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_down),
        cmocka_unit_test(formats_of_any_length),
        cmocka_unit_test(overflow_is_sticky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
