#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cpu.h"

#define ALL (~0u)

static void words(void **state)
{
    static const struct {
        const char *text;
        unsigned features;
        bool known;
    } rows[] = {
        {NULL, ALL, true},
        {"", ALL, true},
        {"portable", 0, true},
        {"shani", CPU_SHANI, true},
        {"avx2", CPU_AVX2, true},
        {"vbmi", CPU_VBMI, true},
        {"avx2,shani", CPU_AVX2 | CPU_SHANI, true},
        {"portable,avx2", CPU_AVX2, true},
        {"AVX2", 0, false},
        {"avx2,", 0, false},
        {",", 0, false},
        {"avx", 0, false},
        {"avx22", 0, false},
        {"avx2,fast", 0, false},
        {"avx2 shani", 0, false},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        bool known = !rows[i].known;
        assert_int_equal(cpu_allowed(rows[i].text, &known), rows[i].features);
        assert_int_equal(known, rows[i].known);
    }
}

/* The variable was set before the first question: main does it. */
static void taken_away(void **state)
{
    (void)state;
    assert_false(cpu_has(CPU_SHANI));
    assert_int_equal(cpu_has(CPU_AVX2), (cpu_found() & CPU_AVX2) != 0);
    assert_false(cpu_has(CPU_VBMI));
    assert_true((cpu_found() & ~(unsigned)(CPU_SHANI | CPU_AVX2 | CPU_VBMI)) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(taken_away),
    };

    if (setenv("CTVIGIL_CPU", "avx2", 1) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
