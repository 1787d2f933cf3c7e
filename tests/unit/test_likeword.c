#include "watcher/likeword.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void words(void **state)
{
    static const struct {
        const char *text;
        enum likeword_weight weight;
        const char *word;
    } rows[] = {
        {"login", LIKEWORD_STRONG, "login"},
        {"-login", LIKEWORD_STRONG, "login"},
        {"myloginshop", LIKEWORD_STRONG, "login"},
        {"shop", LIKEWORD_WEAK, "shop"},
        {"shop24", LIKEWORD_WEAK, "shop"},
        {"24", LIKEWORD_NUMBER, NULL},
        {"plumbing", LIKEWORD_UNKNOWN, NULL},
        {"loginplumbing", LIKEWORD_UNKNOWN, NULL},
        {"log-in", LIKEWORD_STRONG, "log"},
        {"--", LIKEWORD_UNKNOWN, NULL},
        {"", LIKEWORD_UNKNOWN, NULL},
    };
    const char *word;
    char wide[66];
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        if (likeword_read(span_str(rows[i].text), &word) != rows[i].weight)
            fail_msg("%s: another weight", rows[i].text);
        if (rows[i].word == NULL)
            assert_null(word);
        else
            assert_string_equal(word, rows[i].word);
    }
    memset(wide, '7', sizeof wide);
    assert_int_equal(likeword_read(span_of(wide, sizeof wide), &word), LIKEWORD_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
