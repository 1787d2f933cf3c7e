/* Which names a change of the public suffix list may concern. */
#include "db/psldiff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *before;
    const char *after;
    size_t rules;
    const char *pattern;
} rows[] = {
    {"com\nnet\n", "net\ncom\n", 0, ""},
    {"// a\ncom\n", "com // is what it was\n\n// b\n", 0, ""},
    {"com\n", "com\ngithub.io\n", 1, "(?:^| )(?:io\\.github)(?:\\.| |$)"},
    {"com\nblogspot.com\n", "com", 1, "(?:^| )(?:com\\.blogspot)(?:\\.| |$)"},
    {"ck\n", "*.ck\n!www.ck\n", 3, "(?:^| )(?:ck\\.www|ck|ck)(?:\\.| |$)"},
    {"a\n", "b-c.d_e\n", 2, "(?:^| )(?:a|d_e\\.b-c)(?:\\.| |$)"},
    {"",
     "b\xc3\xbc"
     "cher.example",
     1, "(?:^| )(?:example\\.xn--bcher-kva)(?:\\.| |$)"},
    {"", "a..b", 1, "."},
    {"", "a.*.b", 1, "."},
    {"", "x(.y", 1, "."},
    {"", "", 0, ""},
};

static void patterns(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf out;
        buf_init(&out, 1u << 20);
        assert_int_equal(psldiff_pattern(&out, span_str(rows[i].before), span_str(rows[i].after)),
                         rows[i].rules);
        assert_string_equal(buf_text(&out), rows[i].pattern);
        buf_fini(&out);
    }
}

static void very_many_rules_mean_everything(void **state)
{
    struct buf list;
    struct buf out;
    (void)state;
    buf_init(&list, 1u << 20);
    buf_init(&out, 1u << 20);
    for (unsigned i = 0; i < 10000; i++)
        buf_fmt(&list, "rule-%u.example\n", i);
    assert_int_equal(psldiff_pattern(&out, SPAN_LIT("com\n"), buf_span(&list)), 10001);
    assert_string_equal(buf_text(&out), PSLDIFF_ALL);
    buf_fini(&out);
    buf_fini(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(very_many_rules_mean_everything),
    };
    return cmocka_run_group_tests_name("psldiff", tests, NULL, NULL);
}
