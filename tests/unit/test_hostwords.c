#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/hostwords.h"

static void test_words(void **state)
{
    static const struct {
        struct span text;
        const char *words[5];
        bool alone;
    } rows[] = {
        {SPAN_LIT(""), {NULL}, true},
        {SPAN_LIT(" ,; \t"), {NULL}, false},
        {SPAN_LIT("one"), {"one"}, true},
        {SPAN_LIT("\tone\n "), {"one"}, true},
        {SPAN_LIT("one two"), {"one", "two"}, false},
        {SPAN_LIT("[one]"), {"one"}, false},
        {SPAN_LIT(" one, "), {"one"}, false},
        {SPAN_LIT("a,b;c d\x01"
                  "e"),
         {"a", "b", "c", "d", "e"},
         false},
        {SPAN_LIT("(a) \"[b]\" {}"), {"a", "b"}, false},
        {SPAN_LIT("a(b)c"), {"a(b)c"}, true},
        {SPAN_LIT("a\xe3\x80\x80"
                  "b\xe3\x80\x81"
                  "c\xef\xbc\x8c"
                  "d\xef\xbc\x9b"
                  "e"),
         {"a", "b", "c", "d", "e"},
         false},
        {SPAN_LIT("a\xe2\x80\x83"
                  "b\xe2\x80\xa8"
                  "c\xe2\x80\xaf"
                  "d\xc2\xa0"
                  "e"),
         {"a", "b", "c", "d", "e"},
         false},
        {SPAN_LIT("a\xe3\x80"), {"a\xe3\x80"}, true},
        {SPAN_LIT("\xc2"), {"\xc2"}, true},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct hostwords words = hostwords_of(rows[i].text);
        struct span word;
        size_t count = 0;
        while (hostwords_next(&words, &word)) {
            assert_true(count < countof(rows[i].words) && rows[i].words[count] != NULL);
            assert_true(span_eq(word, span_str(rows[i].words[count])));
            count++;
        }
        assert_true(count == countof(rows[i].words) || rows[i].words[count] == NULL);
        assert_int_equal(hostwords_alone(rows[i].text), rows[i].alone);
    }
    assert_true(hostwords_alone(SPAN_NONE));
}

static void test_hosts(void **state)
{
    static const struct {
        struct span word;
        bool could_be;
        bool dot;
    } rows[] = {
        {SPAN_LIT("a.b"), true, true},
        {SPAN_LIT("a\xe3\x80\x82"
                  "b"),
         true, true},
        {SPAN_LIT("a\xef\xbc\x8e"
                  "b"),
         true, true},
        {SPAN_LIT("a\xef\xbd\xa1"
                  "b"),
         true, true},
        {SPAN_LIT("Inc."), false, true},
        {SPAN_LIT(".net"), false, true},
        {SPAN_LIT("net\xe3\x80\x82"), false, true},
        {SPAN_LIT("::1"), true, false},
        {SPAN_LIT("note:"), false, false},
        {SPAN_LIT("localhost"), false, false},
        {SPAN_LIT("a\0b"), true, false},
        {SPAN_LIT("a\xe3\x80"), false, false},
        {SPAN_LIT(""), false, false},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(hostwords_could_be(rows[i].word), rows[i].could_be);
        assert_int_equal(hostwords_has_dot(rows[i].word), rows[i].dot);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
