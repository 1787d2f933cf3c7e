#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/dn.h"
#include "parser/oid.h"
#include "tests/unit/sample.h"

static void test_attributes(void **state)
{
    struct span name = sample_load("dn/multi");
    struct dn dn;
    struct dn_attr attr;

    (void)state;
    dn_init(&dn, name);
    assert_true(dn_next(&dn, &attr));
    assert_int_equal(oid_find(attr.oid), OID_DN_CN);
    assert_int_equal(attr.rdn, 0);
    assert_true(dn_next(&dn, &attr));
    assert_int_equal(oid_find(attr.oid), OID_DN_UNIT);
    assert_int_equal(attr.rdn, 0);
    assert_true(dn_next(&dn, &attr));
    assert_int_equal(attr.rdn, 2);
    assert_int_equal(attr.tag, DER_BIT_STRING);
    assert_false(dn_is_text(attr.tag));
    assert_false(dn_next(&dn, &attr));
    assert_true(dn.empty_rdn);
    assert_false(dn.damaged);
    sample_free(name);
}

static void test_text(void **state)
{
    static const struct {
        const char *file;
        const char *text;
    } rows[] = {
        {"dn/plain", "CN=www.example.org,O=K\xc3\xa4se\\, GmbH,C=DE"},
        {"dn/bmp", "CN=x\xe4\xb8\xad,CN=www.example.org \xf0\x9f\x98\x80"},
        {"dn/multi", "1.2.3.4=\\00\xc3\xbf,CN=caf\xc3\xa9+OU=\\ a\\+b=c\\;\\1b#"},
    };
    char text[256];
    char little[16];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span name = sample_load(rows[i].file);
        assert_int_equal(dn_text(name, text, sizeof text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        (void)dn_text(name, little, sizeof little);
        assert_non_null(strstr(little, "..."));
        sample_free(name);
    }
    assert_int_equal(dn_text(SPAN_NONE, text, sizeof text), 0);
}

static void test_damage(void **state)
{
    struct span name = sample_load("dn/damaged");
    struct dn dn;
    struct dn_attr attr;

    (void)state;
    dn_init(&dn, name);
    assert_false(dn_next(&dn, &attr));
    assert_true(dn.damaged);
    dn_init(&dn, SPAN_LIT("\x31\x00"));
    assert_true(dn.damaged);
    dn_init(&dn, SPAN_NONE);
    assert_false(dn.damaged);
    assert_false(dn_next(&dn, &attr));
    sample_free(name);
}

/* A string in parts comes as it stands, and it is said. */
static void test_parts(void **state)
{
    static const struct {
        const char *file;
        uint32_t tag;
    } rows[] = {{"dn/parts", 0x33}, {"dn/parts_nested", 0x2c}, {"dn/parts_letters", 0x36}};
    struct dn dn;
    struct dn_attr attr;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span name = sample_load(rows[i].file);
        dn_init(&dn, name);
        assert_true(dn_next(&dn, &attr));
        assert_int_equal(attr.tag, rows[i].tag);
        assert_true(dn_is_parts(attr.tag) && !dn_is_text(attr.tag));
        assert_true(dn.in_parts && !dn.damaged);
        assert_int_equal(finding_has(&dn.odd, FINDING_BER_INDEFINITE), i == 2);
        sample_free(name);
    }
    assert_false(dn_is_parts(DER_SEQUENCE) || dn_is_parts(DER_SET) || dn_is_parts(DER_UTF8_STRING));
}

static void test_utf8(void **state)
{
    static const struct {
        uint32_t tag;
        struct span value;
        const char *utf8;
    } rows[] = {
        {DER_TELETEX_STRING, {(const uint8_t *)"caf\xe9", 4}, "caf\xc3\xa9"},
        {DER_TELETEX_STRING, {(const uint8_t *)"caf\xc3\xa9", 5}, "caf\xc3\xa9"},
        {DER_UTF8_STRING, {(const uint8_t *)"\xff", 1}, "\xff"},
        {DER_BMP_STRING,
         {(const uint8_t *)"\x00"
                           "a\xd8\x00\x00",
          5},
         "a\xef\xbf\xbd\xef\xbf\xbd"},
        {DER_UNIVERSAL_STRING, {(const uint8_t *)"\x00\x11\x00\x00", 4}, "\xef\xbf\xbd"},
    };
    uint8_t out[96];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        size_t len = dn_utf8(rows[i].tag, rows[i].value, out, sizeof out);
        assert_int_equal(len, strlen(rows[i].utf8));
        assert_memory_equal(out, rows[i].utf8, len);
    }
    /* Every length of what takes most room: nothing is left out of the room that is promised. */
    uint8_t high[24];
    memset(high, 0xfe, sizeof high);
    for (size_t len = 0; len <= sizeof high; len++) {
        static const uint32_t tags[] = {DER_BMP_STRING, DER_UNIVERSAL_STRING, DER_TELETEX_STRING};
        for (size_t i = 0; i < countof(tags); i++) {
            size_t whole = dn_utf8(tags[i], span_of(high, len), out, sizeof out);
            assert_int_equal(dn_utf8(tags[i], span_of(high, len), out, DN_UTF8_ROOM(len)), whole);
        }
    }
    assert_int_equal(dn_utf8(DER_UTF8_STRING, SPAN_LIT("a\xc3\xa9"), out, 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes), cmocka_unit_test(test_text), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_parts),      cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
