#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/sheet.h"

static struct buf out;
static struct sheet sheet;

static void begin(bool color, bool all)
{
    buf_clear(&out);
    sheet_begin(&sheet, &out, 0, color, all);
}

static void expect(const char *text)
{
    sheet_end(&sheet);
    assert_string_equal(buf_text(&out), text);
}

static void test_rows(void **state)
{
    (void)state;
    begin(false, false);
    sheet_title(&sheet, SHEET_STRONG, SPAN_LIT("Title"));
    sheet_row(&sheet, "one");
    sheet_fmt(&sheet, SHEET_PLAIN, "%d words", 2);
    sheet_next(&sheet);
    sheet_next(&sheet);
    sheet_words(&sheet, SHEET_ODD, SPAN_LIT("a  b"));
    sheet_row(&sheet, "gone");
    sheet_drop(&sheet);
    sheet_row(&sheet, "two");
    sheet_tag(&sheet, "x", 3);
    sheet_item(&sheet, SHEET_PLAIN, SPAN_LIT("p"));
    sheet_item(&sheet, SHEET_PLAIN, SPAN_LIT("q"));
    sheet_tag(&sheet, "long", 3);
    sheet_words(&sheet, SHEET_PLAIN, SPAN_LIT("r"));
    sheet_next(&sheet);
    expect("Title\n"
           "  one          2 words\n"
           "               a  b\n"
           "  two          x  p, q\n"
           "               long r\n");
}

/* Lines end before column 80; what can not be divided stands alone. */
static void test_wrap(void **state)
{
    (void)state;
    begin(false, false);
    sheet_row(&sheet, "list");
    sheet_hang(&sheet, 2);
    for (unsigned i = 0; i < 12; i++)
        sheet_item(&sheet, SHEET_PLAIN, SPAN_LIT("12345678"));
    sheet_row(&sheet, "words");
    sheet_words(
        &sheet, SHEET_PLAIN,
        SPAN_LIT("123456789012345678901234567890123456789012345678901234567890 1234 5678901234567890123456789"
                 "0123456789012345678901234567890123456789012345678901234567890"));
    expect("  list         12345678, 12345678, 12345678, 12345678, 12345678, 12345678,\n"
           "                 12345678, 12345678, 12345678, 12345678, 12345678, 12345678\n"
           "  words        123456789012345678901234567890123456789012345678901234567890\n"
           "               1234\n"
           "               "
           "56789012345678901234567890123456789012345678901234567890123456789012345678901234567890\n");
}

/* Lines fill the terminal, within reason. */
static void test_width(void **state)
{
    static const struct {
        size_t columns;
        size_t longest;
    } rows[] = {{0, 79}, {80, 79}, {60, 59}, {61, 59}, {100, 99}, {1, 39}, {SIZE_MAX, 119}};

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        size_t longest = 0;
        buf_clear(&out);
        sheet_begin(&sheet, &out, rows[i].columns, false, false);
        sheet_row(&sheet, "x");
        for (unsigned word = 0; word < 100; word++)
            sheet_words(&sheet, SHEET_PLAIN, SPAN_LIT("123"));
        sheet_end(&sheet);
        for (size_t at = 0, begin = 0; at < out.len; at++) {
            if (out.at[at] != '\n')
                continue;
            longest = at - begin > longest ? at - begin : longest;
            begin = at + 1;
        }
        assert_true(longest <= rows[i].longest && longest + 4 > rows[i].longest);
    }
}

static void test_visible(void **state)
{
    (void)state;
    begin(true, false);
    sheet_row(&sheet, "x");
    sheet_words(&sheet, SHEET_BAD, SPAN_LIT("\x1b[0m\n\xe2\x80\xae"));
    expect("  \x1b[2mx\x1b[0m            \x1b[1;31m\\x1b[0m\\x0a\\xe2\\x80\\xae\x1b[0m\n");
}

static void test_long(void **state)
{
    char text[SHEET_TEXT_MOST + 3];

    (void)state;
    memset(text, 'y', sizeof text);
    /* A character that lies across the end is left out whole. */
    memcpy(text + SHEET_TEXT_MOST - 1, "\xc3\xa4", 2);
    begin(false, false);
    sheet_row(&sheet, "x");
    sheet_words(&sheet, SHEET_PLAIN, span_of(text, sizeof text));
    sheet_end(&sheet);
    assert_non_null(strstr(buf_text(&out), "yy..."));
    assert_non_null(strstr(buf_text(&out), "(403 bytes)\n"));
    assert_null(strstr(buf_text(&out), "\xc3"));
    begin(false, true);
    sheet_row(&sheet, "x");
    sheet_words(&sheet, SHEET_PLAIN, span_of(text, sizeof text));
    sheet_end(&sheet);
    assert_int_equal(out.len, SHEET_INDENT + sizeof text + 1);
}

static void test_list(void **state)
{
    (void)state;
    for (unsigned all = 0; all < 2; all++) {
        size_t shown = 0;
        begin(false, all != 0);
        sheet_row(&sheet, "x");
        sheet_list(&sheet);
        for (unsigned i = 0; i < SHEET_LIST_MOST + 2; i++)
            shown += sheet_lists(&sheet);
        sheet_unlist(&sheet);
        sheet_end(&sheet);
        assert_int_equal(shown, all != 0 ? SHEET_LIST_MOST + 2 : SHEET_LIST_MOST);
        assert_int_equal(strstr(buf_text(&out), "and 2 more (--all shows them)") != NULL, all == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_wrap), cmocka_unit_test(test_width),
        cmocka_unit_test(test_visible), cmocka_unit_test(test_long), cmocka_unit_test(test_list),
    };

    buf_init(&out, 1u << 20);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    buf_fini(&out);
    return result;
}
