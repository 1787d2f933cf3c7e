#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

static void compares(void **state)
{
    static const struct {
        struct span a, b;
        int order;
    } rows[] = {
        {{NULL, 0}, {NULL, 0}, 0},
        {{NULL, 0}, {(const uint8_t *)"", 0}, 0},
        {{(const uint8_t *)"a", 1}, {NULL, 0}, 1},
        {{(const uint8_t *)"a", 1}, {(const uint8_t *)"ab", 2}, -1},
        {{(const uint8_t *)"b", 1}, {(const uint8_t *)"ab", 2}, 1},
        {{(const uint8_t *)"a\0b", 3}, {(const uint8_t *)"a\0c", 3}, -1},
        {{(const uint8_t *)"\xff", 1}, {(const uint8_t *)"\x01", 1}, 1},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        int order = span_cmp(rows[i].a, rows[i].b), back = span_cmp(rows[i].b, rows[i].a);
        assert_int_equal((order > 0) - (order < 0), rows[i].order);
        assert_int_equal((back > 0) - (back < 0), -rows[i].order);
        assert_int_equal(span_eq(rows[i].a, rows[i].b), rows[i].order == 0);
    }
}

static void parts(void **state)
{
    struct span text = SPAN_LIT("example");
    (void)state;
    assert_true(span_eq(span_part(text, 2, 4), SPAN_LIT("am")));
    assert_int_equal(span_part(text, 7, 7).len, 0);
    assert_null(span_part(SPAN_NONE, 0, 0).at);
    assert_true(span_starts(text, SPAN_LIT("exa")) && span_ends(text, SPAN_LIT("ple")));
    assert_true(span_starts(text, SPAN_NONE) && span_ends(text, SPAN_NONE));
    assert_false(span_starts(SPAN_LIT("ex"), text) || span_ends(SPAN_LIT("le"), text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(compares), cmocka_unit_test(parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
