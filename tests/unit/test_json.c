#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/json.h"

static const struct {
    const char *text;
    bool good;
} rows[] = {
    {"0", true},
    {"-0.5e+10", true},
    {"12", true},
    {"true", true},
    {"null", true},
    {"\"a\\n\\u0041\"", true},
    {"[]", true},
    {"{}", true},
    {"[1,[2,{\"a\":[]}],\"x\"]", true},
    {" { \"a\" : { } , \"b\" : [ ] } ", true},
    {"01", false},
    {"-", false},
    {"1.", false},
    {"1e", false},
    {"tru", false},
    {"\"\x01\"", false},
    {"\"\\x\"", false},
    {"\"\\u12g4\"", false},
    {"\"abc", false},
    {"[1,]", false},
    {"{\"a\":1,}", false},
    {"{\"a\"}", false},
    {"{1:2}", false},
    {"[1}", false},
    {"{\"a\":1]", false},
    {"[", false},
    {"", false},
};

static void test_skip(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct json json = json_of(span_str(rows[i].text));
        bool good = json_skip(&json);
        if (good)
            json_white(&json);
        if ((good && json.at == json.end) != rows[i].good)
            fail_msg("%s", rows[i].text);
    }
}

static void test_depth(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 4];

    (void)state;
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct json json = json_of(span_of(text, 2 * depth));
        /* The innermost list is empty and opens no level of its own. */
        assert_int_equal(json_skip(&json), depth <= JSON_DEPTH_MAX + 1);
    }
    memset(text, '[', sizeof text);
    struct json json = json_of(span_of(text, sizeof text));
    assert_false(json_skip(&json));
}

static void test_names(void **state)
{
    struct json json = json_of(SPAN_LIT("entr\\u0069es\"rest"));

    (void)state;
    assert_true(json_string_is(&json, "entries"));
    assert_int_equal(*json.at, 'r');
    json = json_of(SPAN_LIT("entries2\""));
    assert_false(json_string_is(&json, "entries"));
    json = json_of(SPAN_LIT("entrie\""));
    assert_false(json_string_is(&json, "entries"));
    json = json_of(SPAN_LIT("entries\\u0000\""));
    assert_false(json_string_is(&json, "entries"));
    assert_false(json.failed);
}

/* Each byte at each place of strings of all lengths up to several words: skipped to where reading character
 * by character comes to, and failing where that fails. */
static void test_long_strings(void **state)
{
    uint8_t text[34];

    (void)state;
    for (size_t len = 0; len + 2 < sizeof text; len++) {
        for (size_t place = 0; place < len * 256; place++) {
            memset(text, 'a', sizeof text);
            text[0] = text[len + 1] = '"';
            text[1 + place / 256] = (uint8_t)place;
            struct json skipped = json_of(span_of(text, sizeof text));
            struct json read = json_of(span_of(text + 1, sizeof text - 1));
            (void)json_skip(&skipped);
            while (json_char(&read) >= 0)
                continue;
            assert_int_equal(skipped.failed, read.failed);
            assert_ptr_equal(skipped.at, read.at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
