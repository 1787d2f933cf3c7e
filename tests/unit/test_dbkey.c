#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/dbkey.h"

static void keys_are_what_sql_says(void **state)
{
    (void)state;
    /* ('x' || left(encode(sha256('example.com'), 'hex'), 16))::bit(64)::int8 */
    assert_true(dbkey_apex8(SPAN_LIT("example.com")) == (int64_t)UINT64_C(0xa379a6f6eeafb9a5));
    assert_true(dbkey_apex8(SPAN_LIT("")) == (int64_t)UINT64_C(0xe3b0c44298fc1c14));
    assert_int_equal(dbkey_first8((const uint8_t[]){0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}), -2);
}

static void names_round_trip(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        const char *stored;
    } rows[] = {
        {SPAN_LIT("example.com"), "com.example"},
        {SPAN_LIT("*.example.com"), "com.example.*"},
        {SPAN_LIT("localhost"), "localhost"},
        {SPAN_LIT("?.example.com"), "com.example.?"},
        {SPAN_LIT("a b.example"), "example.a\\x20b"},
        {SPAN_LIT("back\\slash.example"), "example.back\\x5cslash"},
        {SPAN_LIT("nul\0.example"), "example.nul\\x00"},
        {SPAN_LIT("\xc3\xbc.example"), "example.\\xc3\\xbc"},
        {SPAN_LIT("..a"), "a.."},
        {SPAN_LIT("a."), ".a"},
        {SPAN_LIT("\x7f"), "\\x7f"},
        {SPAN_LIT(""), ""},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf stored;
        struct buf back;
        buf_init(&stored, 256);
        buf_init(&back, 256);
        dbkey_put_name(&stored, rows[i].text);
        assert_string_equal(buf_text(&stored), rows[i].stored);
        dbkey_put_text(&back, buf_span(&stored));
        assert_true(span_eq(buf_span(&back), rows[i].text));
        buf_fini(&stored);
        buf_fini(&back);
    }
}

/* Whatever stands in the column, reading it gives bytes and no surprise. */
static void foreign_text_stays_as_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *stored;
        const char *text;
    } rows[] = {{"\\", "\\"},     {"\\x", "\\x"}, {"\\x2", "\\x2"},    {"\\xZZ", "\\xZZ"},
                {"\\x4", "\\x4"}, {"\\x41", "A"}, {"\\x.41", "41.\\x"}};
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf back;
        buf_init(&back, 64);
        dbkey_put_text(&back, span_str(rows[i].stored));
        assert_string_equal(buf_text(&back), rows[i].text);
        buf_fini(&back);
    }
}

static void lists_come_apart(void **state)
{
    (void)state;
    struct span list = SPAN_LIT("com.a com.b  com.c");
    struct span name;
    static const char *const expected[] = {"com.a", "com.b", "", "com.c"};
    for (size_t i = 0; i < countof(expected); i++) {
        assert_true(dbkey_next_name(&list, &name));
        assert_true(span_eq(name, span_str(expected[i])));
    }
    assert_false(dbkey_next_name(&list, &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_what_sql_says),
        cmocka_unit_test(names_round_trip),
        cmocka_unit_test(foreign_text_stays_as_it_is),
        cmocka_unit_test(lists_come_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
