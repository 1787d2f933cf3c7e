#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fuzz/samecert.h"
#include "tests/unit/sample.h"

static const struct {
    const char *file;
    bool certificate; /* what the quick reader says to it */
} rows[] = {
    {"tbs/plain.der", true},     {"tbs/final.der", true},       {"tbs/poison.der", true},
    {"tbs/precertca.der", true}, {"tbs/kinds.der", true},       {"tbs/bare_tbs.der", false},
    {"tbs/v1.der", false},       {"tbs/cut.der", false},        {"tbs/twosan.der", false},
    {"tbs/badsan.der", false},   {"tbs/indefinite.der", false}, {"tbs/longlength.der", false},
};

static void test_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span der = sample_load(rows[i].file);
        if (samecert_both_ways(der) != rows[i].certificate)
            fail_msg("%s", rows[i].file);
        sample_free(der);
    }
}

/* Bytes that mean something at many places of DER. */
static const uint8_t telling[] = {0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0x82, 0xff, 0x1f, 0x30, 0x17, 0x18};

/* Every byte of every sample changed in many ways: what is still taken is still the same. */
static void test_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span der = sample_load(rows[i].file);
        uint8_t *at = (uint8_t *)(uintptr_t)der.at;
        for (size_t k = 0; k < der.len; k++) {
            uint8_t before = at[k];
            for (size_t j = 0; j < countof(telling); j++) {
                at[k] = telling[j];
                (void)samecert_both_ways(der);
            }
            at[k] = (uint8_t)(before + 1);
            (void)samecert_both_ways(der);
            at[k] = (uint8_t)(before - 1);
            (void)samecert_both_ways(der);
            at[k] = before;
        }
        sample_free(der);
    }
}

static void test_every_cut(void **state)
{
    struct span der = sample_load("tbs/final.der");

    (void)state;
    for (size_t len = 0; len < der.len; len++) {
        uint8_t *exact = malloc(len != 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, der.at, len);
        assert_false(samecert_both_ways(span_of(exact, len)));
        free(exact);
    }
    assert_false(samecert_both_ways(SPAN_NONE));
    sample_free(der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
