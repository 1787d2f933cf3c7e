#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/text.h"

static void hex(void **state)
{
    uint8_t bytes[4];
    char out[9];
    (void)state;
    assert_string_equal(text_hex(SPAN_LIT("\x00\xff\x1a"), out), "00ff1a");
    assert_string_equal(text_hex(SPAN_NONE, out), "");
    assert_true(text_unhex(SPAN_LIT("00fF1A2b"), bytes, 4));
    assert_memory_equal(bytes, "\x00\xff\x1a\x2b", 4);
    assert_false(text_unhex(SPAN_LIT("00ff1a2"), bytes, 4));
    assert_false(text_unhex(SPAN_LIT("00ff1a2b3c"), bytes, 4));
    assert_false(text_unhex(SPAN_LIT("00ff1a2g"), bytes, 4));
    assert_false(text_unhex(SPAN_LIT("00ff1a2@"), bytes, 4));
    assert_false(text_unhex(SPAN_LIT("0x001122"), bytes, 4));
}

/* RFC 4648 section 10, and what it forbids. */
static void base64(void **state)
{
    static const struct {
        const char *plain, *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xff\xfe\xfb", "//77"}};
    static const char *const bad[] = {
        "Z",      "Zg",        "Zg=",  "Zh==", "Zm9=",     "=AAA", "A=AA",   "AA=A",
        "Zg==\n", "Zm9v Zm9v", "Z===", "====", "Zg==Zg==", "Zm-_", "Zm9vYg", "\xc3\xa9zz"};
    uint8_t out[8];
    char text[16];
    size_t len;
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(text_base64(span_str(rows[i].plain), text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        assert_true(text_unbase64(span_str(text), out, strlen(rows[i].plain), &len));
        assert_true(span_eq(span_of(out, len), span_str(rows[i].plain)));
        if (len > 0)
            assert_false(text_unbase64(span_str(text), out, len - 1, &len));
    }
    for (size_t i = 0; i < countof(bad); i++)
        assert_false(text_unbase64(span_str(bad[i]), out, sizeof out, &len));
}

static void hostile_bytes_become_visible(void **state)
{
    static const struct {
        const char *bytes, *visible;
    } rows[] = {
        {"plain text, (all) of it: ~", "plain text, (all) of it: ~"},
        {"gr\xc3\xbc\xc3\x9f dich \xe4\xb8\xad\xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f dich \xe4\xb8\xad\xf0\x9f\x98\x80"},
        {"\x1b[2J\a\b\x7f", "\\x1b[2J\\x07\\x08\\x7f"},
        {"a\nb\r\tc", "a\\x0ab\\x0d\\x09c"},
        {"back\\slash", "back\\\\slash"},
        {"\\x41", "\\\\x41"},
        {"\xe2\x80\xae"
         "gnp.exe",
         "\\xe2\\x80\\xaegnp.exe"},                                       /* U+202E right-to-left override */
        {"\xe2\x81\xa6x\xe2\x81\xa9", "\\xe2\\x81\\xa6x\\xe2\\x81\\xa9"}, /* isolates */
        {"a\xe2\x80\x8b"
         "b",
         "a\\xe2\\x80\\x8bb"},      /* zero width space */
        {"\xd8\x9c", "\\xd8\\x9c"}, /* Arabic letter mark */
        {"\xc2\x9b"
         "2J",
         "\\xc2\\x9b2J"},                             /* C1 control sequence introducer */
        {"\xef\xbb\xbf", "\\xef\\xbb\\xbf"},          /* byte order mark */
        {"\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81"}, /* tag */
        {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},          /* line separator */
        {"\xff\xfe", "\\xff\\xfe"},
        {"\xc3", "\\xc3"},
        {"\xc3(", "\\xc3("},
        {"\xc0\xaf", "\\xc0\\xaf"},                   /* overlong slash */
        {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},          /* overlong slash, three bytes */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond Unicode */
        {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
        {"\xe4\xb8", "\\xe4\\xb8"},
    };
    struct buf out;
    char fixed[256];
    (void)state;
    buf_init(&out, 1000);
    for (size_t i = 0; i < countof(rows); i++) {
        buf_clear(&out);
        text_visible(&out, span_str(rows[i].bytes));
        assert_string_equal(buf_text(&out), rows[i].visible);
        assert_string_equal(text_visible_str(span_str(rows[i].bytes), fixed, sizeof fixed), rows[i].visible);
    }
    buf_clear(&out);
    text_visible(&out, SPAN_LIT("a\0b"));
    assert_string_equal(buf_text(&out), "a\\x00b");
    buf_fini(&out);
}

static void json_strings(void **state)
{
    static const struct {
        const char *bytes;
        const char *text;
    } rows[] = {
        {"", ""},
        {"https://a.test/x?y=z", "https://a.test/x?y=z"},
        {"a\"b\\c", "a\\u0022b\\u005cc"},
        {"\n\x7f\xe9", "\\u000a\\u007f\\u00e9"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf out;
        buf_init(&out, 100);
        text_json(&out, span_str(rows[i].bytes));
        assert_string_equal(buf_text(&out), rows[i].text);
        buf_fini(&out);
    }
}

static void what_does_not_fit_ends_in_dots(void **state)
{
    char out[16];
    (void)state;
    assert_string_equal(text_visible_str(SPAN_LIT("abcdef"), out, 7), "abcdef");
    assert_string_equal(text_visible_str(SPAN_LIT("abcdef"), out, 6), "ab...");
    assert_string_equal(text_visible_str(SPAN_LIT("abcdef"), out, 4), "...");
    assert_string_equal(text_visible_str(SPAN_LIT("a\nbcdefg"), out, 8), "a...");
    assert_string_equal(text_visible_str(SPAN_LIT("\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad"), out, 8),
                        "\xe4\xb8\xad...");
    assert_string_equal(text_visible_str(SPAN_NONE, out, 4), "");
    struct buf small;
    buf_init(&small, 3);
    text_visible(&small, SPAN_LIT("a\n"));
    assert_false(buf_ok(&small));
    buf_fini(&small);
}

static void utf8(void **state)
{
    (void)state;
    assert_true(text_is_utf8(SPAN_NONE));
    assert_true(text_is_utf8(SPAN_LIT("a\0\xf4\x8f\xbf\xbf")));
    assert_false(text_is_utf8(SPAN_LIT("\xc3")));
    assert_false(text_is_utf8(SPAN_LIT("a\x80")));
}

static void times_out(void **state)
{
    static const struct {
        int64_t unix_ms;
        bool with_ms;
        const char *text;
    } rows[] = {
        {0, false, "1970-01-01T00:00:00Z"},
        {-1, true, "1969-12-31T23:59:59.999Z"},
        {-1, false, "1969-12-31T23:59:59Z"},
        {INT64_C(1795250813123), true, "2026-11-21T08:46:53.123Z"},
        {INT64_C(951782400000), false, "2000-02-29T00:00:00Z"},
        {INT64_C(253402300799999), true, "9999-12-31T23:59:59.999Z"},
        {INT64_C(253402300800000), false, "+10000-01-01T00:00:00Z"},
        {INT64_C(-62135596800000), false, "0001-01-01T00:00:00Z"},
        {INT64_C(-62167219200001), false, "-0001-12-31T23:59:59Z"},
        {INT64_MAX, true, "+292278994-08-17T07:12:55.807Z"},
        {INT64_MIN, true, "-292275055-05-16T16:47:04.192Z"},
    };
    char out[TEXT_TIME_MAX];
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_string_equal(text_time(rows[i].unix_ms, rows[i].with_ms, out), rows[i].text);
}

static void times_in(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_ms;
    } good[] = {
        {"1970-01-01", 0},
        {"2026-11-21T08:46:53.123Z", INT64_C(1795250813123)},
        {"2026-11-21T08:46:53.1239999Z", INT64_C(1795250813123)},
        {"2026-11-21t08:46:53.1z", INT64_C(1795250813100)},
        {"2026-11-21T09:46:53+01:00", INT64_C(1795250813000)},
        {"2026-11-21T02:16:53-06:30", INT64_C(1795250813000)},
        {"2026-11-21T08:46", INT64_C(1795250760000)},
        {"2026-11-21T08:46:53", INT64_C(1795250813000)},
        {"2024-02-29", INT64_C(1709164800000)},
        {"0001-01-01T00:00:00Z", INT64_C(-62135596800000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
    };
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-11",
                                      "2026-11-31",
                                      "2023-02-29",
                                      "1900-02-29",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-01-00",
                                      "2026-1-1",
                                      "2026-11-21T",
                                      "2026-11-21T24:00",
                                      "2026-11-21T08:60",
                                      "2026-11-21T08:46:61",
                                      "2026-11-21T08:46:53.",
                                      "2026-11-21T08:46:53Z ",
                                      " 2026-11-21",
                                      "2026-11-21T08:46:53+1:00",
                                      "2026-11-21T08:46:53+24:00",
                                      "2026-11-21 08:46",
                                      "+2026-11-21",
                                      "2026-11-21T08:46:53ZZ",
                                      "2026/11/21",
                                      "20261121",
                                      "-001-01-01",
                                      "2026-11-21Z",
                                      "2026-11-21T08"};
    int64_t unix_ms;
    (void)state;
    for (size_t i = 0; i < countof(good); i++) {
        assert_true(text_parse_time(span_str(good[i].text), &unix_ms));
        assert_int_equal(unix_ms, good[i].unix_ms);
    }
    for (size_t i = 0; i < countof(bad); i++)
        assert_false(text_parse_time(span_str(bad[i]), &unix_ms));
    assert_false(text_parse_time(SPAN_LIT("2026-11-21\0"), &unix_ms));
}

static void numbers(void **state)
{
    uint64_t u;
    int64_t i;
    (void)state;
    assert_true(text_uint(SPAN_LIT("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_true(text_uint(SPAN_LIT("007"), &u) && u == 7);
    assert_true(text_int(SPAN_LIT("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_true(text_int(SPAN_LIT("9223372036854775807"), &i) && i == INT64_MAX);
    static const char *const bad[] = {
        "", "-", "+1", " 1", "1 ", "1e3", "0x1", "--1", "18446744073709551616", "99999999999999999999999"};
    for (size_t k = 0; k < countof(bad); k++) {
        assert_false(text_uint(span_str(bad[k]), &u));
        assert_false(text_int(span_str(bad[k]), &i));
    }
    assert_false(text_uint(SPAN_LIT("-1"), &u));
    assert_false(text_int(SPAN_LIT("9223372036854775808"), &i));
    assert_false(text_int(SPAN_LIT("-9223372036854775809"), &i));
}

/* Every day of 3,000 years goes there and back, one after the other. */
static void every_day(void **state)
{
    int64_t year;
    int month, day, last_day = 0;
    (void)state;
    assert_int_equal(text_days(1970, 1, 1), 0);
    assert_int_equal(text_days(2000, 3, 1), 11017);
    for (int64_t days = -1000 * INT64_C(366); days < 2000 * INT64_C(366); days++) {
        text_date(days, &year, &month, &day);
        assert_int_equal(text_days(year, month, day), days);
        assert_true(last_day == 0 || day == last_day + 1 || (day == 1 && last_day >= 28));
        last_day = day;
    }
}

static void lower(void **state)
{
    char out[8];
    (void)state;
    assert_string_equal(text_lower("AZ_@[z9", out, sizeof out), "az_@[z9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex),
        cmocka_unit_test(base64),
        cmocka_unit_test(hostile_bytes_become_visible),
        cmocka_unit_test(json_strings),
        cmocka_unit_test(what_does_not_fit_ends_in_dots),
        cmocka_unit_test(utf8),
        cmocka_unit_test(times_out),
        cmocka_unit_test(times_in),
        cmocka_unit_test(numbers),
        cmocka_unit_test(every_day),
        cmocka_unit_test(lower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
