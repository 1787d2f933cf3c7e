#include "watcher/skeleton.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void labels(void **state)
{
    static const struct {
        const char *label;
        const char *plain;
        const char *pairs;
    } rows[] = {
        {"paypal", "paypal", "paypal"},
        {"paypa1", "paypal", "paypal"},
        {"linkedin", "llnkedln", "llnkedln"},
        {"rnicrosoft", "rnlcrosoft", "mlcrosoft"},
        {"vvelcome", "vvelcome", "welcome"},
        {"clock", "clock", "dock"},
        {"a-b", "a-b", "a-b"},
        {"", "", ""},
        {"xn--pypal-4ve", "paypal", "paypal"},          /* Cyrillic a */
        {"xn--80ak6aa92e", "apple", "apple"},           /* all Cyrillic, palochka */
        {"xn--pypal-xqa", "paypal", "paypal"},          /* a with acute */
        {"xn--mcrosoft-tkb", "mlcrosoft", "mlcrosoft"}, /* dotless i */
        {"xn--", "xn--", "xn--"},                       /* no Punycode: as it is written */
        {"xn--99999999999", "xn--ggggggggggg", "xn--ggggggggggg"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        for (int pairs = 0; pairs < 2; pairs++) {
            uint8_t out[SKELETON_MAX];
            size_t len = skeleton_of(span_str(rows[i].label), pairs != 0, out);
            const char *wanted = pairs != 0 ? rows[i].pairs : rows[i].plain;
            if (!span_eq(span_of(out, len), span_str(wanted)))
                fail_msg("%s: %.*s, not %s", rows[i].label, (int)len, (const char *)out, wanted);
        }
    }
}

/* Samples of RFC 3492 section 7.1, as A-labels. */
static void punycode(void **state)
{
    static const struct {
        const char *label;
        uint32_t codes[12];
        size_t count;
    } rows[] = {
        {"xn--bcher-kva", {'b', 0xfc, 'c', 'h', 'e', 'r'}, 6},
        {"xn--ihqwcrb4cv8a8dqg056pqjye",
         {0x4ed6, 0x4eec, 0x4e3a, 0x4ec0, 0x4e48, 0x4e0d, 0x8bf4, 0x4e2d, 0x6587},
         9},
        {"plain", {'p', 'l', 'a', 'i', 'n'}, 5},
        {"xn---", {0}, 0},
        {"xn--a-zzzzzzzzzzzz", {0}, 0},
        {"xn--!", {0}, 0},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint32_t codes[SKELETON_MAX];
        size_t count = skeleton_decode(span_str(rows[i].label), codes);
        assert_int_equal(count, rows[i].count);
        assert_memory_equal(codes, rows[i].codes, count * sizeof *codes);
    }
}

static void names(void **state)
{
    char name[96];
    (void)state;
    assert_string_equal(skeleton_name(0x430, name, sizeof name), "CYRILLIC SMALL LETTER A");
    assert_string_equal(skeleton_name(0xe000, name, sizeof name), "");
    assert_string_equal(skeleton_name(0x430, name, 8), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(labels), cmocka_unit_test(punycode),
                                       cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
