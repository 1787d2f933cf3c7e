#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/oid.h"

static void test_rows(void **state)
{
    char text[OID_TEXT_MAX];

    (void)state;
    for (unsigned i = 1; i < OID_COUNT; i++) {
        enum oid oid = (enum oid)i;
        assert_int_equal(oid_find(oid_bytes(oid)), oid);
        assert_string_equal(oid_text(oid_bytes(oid), text), oid_dotted(oid));
        assert_non_null(oid_short(oid));
    }
    assert_null(oid_short(OID_UNKNOWN));
}

/* One changed octet anywhere must not be found as the same. */
static void test_neighbours(void **state)
{
    uint8_t copy[32];

    (void)state;
    for (unsigned i = 1; i < OID_COUNT; i++) {
        struct span bytes = oid_bytes((enum oid)i);
        memcpy(copy, bytes.at, bytes.len);
        for (size_t k = 0; k < bytes.len; k++) {
            copy[k] ^= 0x40;
            assert_int_not_equal(oid_find(span_of(copy, bytes.len)), i);
            copy[k] ^= 0x40;
        }
        assert_int_not_equal(oid_find(span_of(copy, bytes.len - 1)), i);
    }
    assert_int_equal(oid_find(SPAN_NONE), OID_UNKNOWN);
}

static void test_text(void **state)
{
    static const struct {
        struct span oid;
        const char *text;
    } rows[] = {
        {{(const uint8_t *)"\x2a", 1}, "1.2"},
        {{(const uint8_t *)"\x81\x34\x03", 3}, "2.100.3"},
        {{(const uint8_t *)"\x00", 1}, "0.0"},
        {{(const uint8_t *)"\x4f", 1}, "1.39"},
        {{(const uint8_t *)"\x50", 1}, "2.0"},
        {{(const uint8_t *)"\x80\x01", 2}, "0.1"},
        {{(const uint8_t *)"\x2a\x80\x80\x01", 4}, "1.2.1"},
        {{(const uint8_t *)"\x2a\x8f\xff\xff\xff\x7f", 6}, "1.2.4294967295"},
        /* 2.25.2^128-1 */
        {{(const uint8_t *)"\x69\x83\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
          20},
         "2.25.340282366920938463463374607431768211455"},
        {{(const uint8_t *)"\x2a\x81", 2}, "#2a81"},
        {{(const uint8_t *)"", 0}, "#"},
    };
    char text[OID_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_string_equal(oid_text(rows[i].oid, text), rows[i].text);
}

static void test_text_is_cut(void **state)
{
    uint8_t many[4096];
    char text[OID_TEXT_MAX];

    (void)state;
    memset(many, 0x7f, sizeof many);
    assert_true(strlen(oid_text(span_of(many, sizeof many), text)) < OID_TEXT_MAX);
    assert_string_equal(text + strlen(text) - 2, "..");
    (void)oid_text(span_of(many, 160), text);
    assert_true(strlen(text) < OID_TEXT_MAX);
    memset(many, 0xff, 159);
    many[159] = 0x7f;
    assert_true(strlen(oid_text(span_of(many, 160), text)) > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
