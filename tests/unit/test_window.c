#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ingest/window.h"

static void sizes(void **state)
{
    static const struct {
        int64_t took_ms;
        unsigned base, size;
    } rows[] = {
        {0, 8, 8},
        {1, 8, 8},
        {250, 8, 8},
        {500, 8, 16},
        {1000, 8, 32},
        {2000, 8, 64},
        {30000, 8, LIMIT_WINDOW},
        {1000, 1, 4},
        {1000, 64, 64},
        {INT64_MAX / LIMIT_WINDOW, 63, LIMIT_WINDOW},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct window window = {.took_ms = rows[i].took_ms};
        assert_int_equal(window_size(&window, rows[i].base), rows[i].size);
    }
}

/* Google's logs: a second an answer, 13 of them in a second. With what is under way the limit is reached. */
static void a_slow_operator_is_used(void **state)
{
    struct window window = {.took_ms = 0};
    (void)state;
    for (int i = 0; i < 20; i++)
        window_note(&window, 1000);
    assert_true(window_size(&window, 8) >= 13 + 1);
}

/* One answer is chance, many are not; and it goes back again. */
static void it_follows(void **state)
{
    struct window window = {.took_ms = 0};
    (void)state;
    for (int i = 0; i < 10; i++)
        window_note(&window, 20);
    assert_int_equal(window.took_ms, 20);
    window_note(&window, 1000);
    assert_int_equal(window_size(&window, 8), 8);
    for (int i = 0; i < 60; i++)
        window_note(&window, 1000);
    assert_int_equal(window.took_ms, 1000);
    for (int i = 0; i < 100; i++)
        window_note(&window, -5); /* a clock that was set back */
    assert_int_equal(window.took_ms, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes), cmocka_unit_test(a_slow_operator_is_used),
                                       cmocka_unit_test(it_follows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
