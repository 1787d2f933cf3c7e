#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/san.h"
#include "parser/tbs.h"
#include "tests/unit/sample.h"

static void test_kinds(void **state)
{
    static const unsigned expected[] = {
        SAN_DNS, SAN_DNS,           SAN_IP,        SAN_IP,         SAN_EMAIL,
        SAN_URI, SAN_REGISTERED_ID, SAN_DIRECTORY, SAN_OTHER_NAME,
    };
    struct span der = sample_load("tbs/kinds.der");
    unsigned seen[SAN_UNKNOWN_KIND + 1] = {0};
    unsigned wanted[SAN_UNKNOWN_KIND + 1] = {0};
    struct cert cert;
    struct san san;
    struct san_item item;

    (void)state;
    assert_true(tbs_read_certificate(der, &cert));
    san_init(&san, &cert);
    while (san_next(&san, &item))
        seen[item.kind]++;
    for (size_t i = 0; i < countof(expected); i++)
        wanted[expected[i]]++;
    assert_memory_equal(seen, wanted, sizeof seen);
    assert_false(san.damaged);
    sample_free(der);
}

static void test_two_extensions(void **state)
{
    static const struct span names[] = {
        {(const uint8_t *)"www.example.org", 15},
        {(const uint8_t *)"*.example.org", 13},
        {(const uint8_t *)"second.example.net", 18},
        {(const uint8_t *)"evil.example\0.org", 17},
    };
    struct span der = sample_load("tbs/twosan.der");
    struct cert cert;
    struct san san;
    struct san_item item;

    (void)state;
    assert_true(tbs_read_certificate(der, &cert));
    san_init(&san, &cert);
    for (size_t i = 0; i < countof(names); i++) {
        assert_true(san_next(&san, &item));
        assert_true(span_eq(item.value, names[i]));
    }
    assert_false(san_next(&san, &item));
    assert_false(san.damaged);
    sample_free(der);
}

static void test_damage(void **state)
{
    static const struct {
        struct span value;
        size_t count;
        bool damaged;
        bool empty;
    } rows[] = {
        {{(const uint8_t *)"\x30\x00", 2}, 0, false, true},
        {{(const uint8_t *)"\x30\x03\x82\x01"
                           "a",
          5},
         1,
         false,
         false},
        {{(const uint8_t *)"\x30\x03\x82\x01"
                           "a\x00",
          6},
         1,
         true,
         false},
        {{(const uint8_t *)"\x30\x03\x82\x05"
                           "a",
          5},
         0,
         true,
         false},
        {{(const uint8_t *)"\x30\x03\xa2\x01"
                           "a",
          5},
         1,
         true,
         false},
        {{(const uint8_t *)"\x31\x00", 2}, 0, true, false},
        {{(const uint8_t *)"", 0}, 0, true, false},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct cert cert = {.san = rows[i].value};
        struct san san;
        struct san_item item;
        size_t count = 0;
        san_init(&san, &cert);
        while (san_next(&san, &item))
            count++;
        assert_int_equal(count, rows[i].count);
        assert_int_equal(san.damaged, rows[i].damaged);
        assert_int_equal(san.empty, rows[i].empty);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_two_extensions),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
