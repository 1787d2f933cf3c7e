/* Every kind of alert says what happened, why it matters and what to do, in sentences that can be joined. */
#include "model/advice.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/alert.h"

/* Begins in the middle of a sentence, ends before its full stop, printable, and says something. */
static void check(const char *kind, const char *what, const char *sentence, size_t least)
{
    if (sentence == NULL || strlen(sentence) < least)
        fail_msg("%s: %s is missing: add a row to model/advice.def", kind, what);
    size_t len = strlen(sentence);
    if (isspace((unsigned char)sentence[0]) || sentence[len - 1] == '.' || sentence[len - 1] == ' ' ||
        len > 420)
        fail_msg("%s: %s: %s", kind, what, sentence);
    for (size_t i = 0; i < len; i++)
        if (sentence[i] < 0x20 || sentence[i] > 0x7e)
            fail_msg("%s: %s: byte %zu", kind, what, i);
    if (strstr(sentence, "  ") != NULL)
        fail_msg("%s: %s: %s", kind, what, sentence);
}

static void every_kind(void **state)
{
    (void)state;
    for (int i = 0; i < ALERT_KIND_COUNT; i++) {
        const char *kind = alert_kind_name((enum alert_kind)i);
        struct advice advice;
        assert_true(advice_of(kind, &advice));
        check(kind, "what happened", advice.what, 10);
        check(kind, "why it matters", advice.why, 10);
        check(kind, "what to do", advice.action, 7);
    }
}

static void joined(void **state)
{
    struct buf text;
    struct advice advice;
    (void)state;
    buf_init(&text, 4096);
    advice_put("test", &text);
    assert_string_equal(buf_text(&text), "A test alert. It shows that alerts arrive here. Nothing");
    buf_clear(&text);
    advice_put("from_the_future", &text);
    assert_int_equal(text.len, 0);
    assert_false(advice_of("from_the_future", &advice));
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind), cmocka_unit_test(joined)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
