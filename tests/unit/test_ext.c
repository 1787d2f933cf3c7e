#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/ext.h"

#define EXT(text)                                                                                            \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

/* One list of extensions, and what reading all of it must leave behind. */
static const struct {
    struct span exts;
    uint32_t count;
    uint32_t flags;
    int finding; /* -1: none */
} rows[] = {
    {EXT("\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x02\x30\x00"), 1, CERT_HAS_BC, -1},
    {EXT("\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff"), 1, CERT_HAS_BC | CERT_IS_CA,
     -1},
    {EXT("\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\x01"), 1, CERT_HAS_BC | CERT_IS_CA,
     FINDING_BOOLEAN_FORM},
    {EXT("\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\x00\x04\x02\x30\x00"), 1, CERT_HAS_BC,
     FINDING_CRITICAL_DEFAULT},
    {EXT("\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\x07\x04\x02\x30\x00"), 1, CERT_HAS_BC, FINDING_BOOLEAN_FORM},
    {EXT("\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x31\x00"), 1, CERT_HAS_BC, FINDING_EXTENSION_UNREADABLE},
    {EXT("\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x30\x00\x30\x09\x06\x03\x55\x1d\x13\x04\x02\x30\x00"), 2,
     CERT_HAS_BC, FINDING_EXTENSION_DUPLICATE},
    {EXT("\x30\x07\x06\x02\x2a\x03\x04\x01x\x30\x07\x06\x02\x2a\x03\x04\x01x"), 2, 0,
     FINDING_EXTENSION_DUPLICATE},
    {EXT("\x30\x07\x06\x02\x2a\x03\x04\x01x\x30\x07\x06\x02\x2a\x04\x04\x01x"), 2, 0, -1},
    /* The same hash, another identifier: 31 * 0x2b + 0x03 equals 31 * 0x2a + 0x22. */
    {EXT("\x30\x07\x06\x02\x2b\x03\x04\x01x\x30\x07\x06\x02\x2a\x22\x04\x01x"), 2, 0, -1},
    {EXT("\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\xff\x04\x02\x05\x00"), 1,
     CERT_POISON, -1},
    {EXT("\x30\x10\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x04\x02\x05\x00"), 1, 0,
     FINDING_POISON_FORM},
    {EXT("\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\x00\x04\x02\x05\x00"), 1, 0,
     FINDING_POISON_FORM},
    /* Unreadable: it is refused where it is critical, and nowhere else. */
    {EXT("\x30\x0f\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\xff"), 1, CERT_POISON,
     FINDING_EXTENSION_UNREADABLE},
    {EXT("\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03"), 1, 0, FINDING_EXTENSION_UNREADABLE},
    {EXT("\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\xff\x04\x02\x05\x01"), 1,
     CERT_POISON, FINDING_POISON_FORM},
    {EXT("\x30\x05\x06\x03\x55\x1d\x13"), 1, 0, FINDING_EXTENSION_UNREADABLE},
    {EXT("\x31\x00"), 1, 0, FINDING_EXTENSION_UNREADABLE},
    {EXT("\x30\x20\x06"), 0, 0, FINDING_EXTENSION_UNREADABLE},
};

static void test_read_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct cert cert = {.exts = rows[i].exts, .path_len = -1};
        ext_read_all(&cert);
        assert_int_equal(cert.ext_count, rows[i].count);
        assert_int_equal(cert.flags, rows[i].flags);
        if (rows[i].finding < 0)
            assert_true(finding_none(&cert.findings));
        else if (!finding_has(&cert.findings, (enum finding)rows[i].finding))
            fail_msg("row %zu lacks %s", i, finding_name((enum finding)rows[i].finding));
    }
}

/* Extension `number` of the OID 1.2.X.Y, all of one length. */
static void put_ext(uint8_t out[9], unsigned number)
{
    const uint8_t ext[] = {0x30, 0x07, 0x06, 0x03, 0x2a, (uint8_t)(number >> 6), (uint8_t)(number & 63),
                           0x04, 0x00};

    memcpy(out, ext, sizeof ext);
}

/* Among many extensions the two that are the same are found, wherever they stand. */
static void test_many(void **state)
{
    enum { MOST = 1200 };
    static const struct {
        unsigned count;
        unsigned twin; /* the last one is this one again; its own number: there is none */
        bool found;
    } many[] = {
        {64, 63, false},  {64, 0, true},       {65, 64, false},    {65, 0, true},
        {65, 63, true},   {500, 499, false},   {500, 0, true},     {500, 250, true},
        {500, 498, true}, {1024, 1023, false}, {1024, 1022, true}, {MOST, MOST - 1, false},
    };
    uint8_t exts[MOST * 9];

    (void)state;
    for (size_t i = 0; i < countof(many); i++) {
        for (unsigned k = 0; k < many[i].count; k++)
            put_ext(exts + (size_t)k * 9, (k * 7) % MOST);
        put_ext(exts + (size_t)(many[i].count - 1) * 9, (many[i].twin * 7) % MOST);
        struct cert cert = {.exts = {exts, (size_t)many[i].count * 9}};
        ext_read_all(&cert);
        assert_int_equal(cert.ext_count, many[i].count);
        assert_int_equal(finding_has(&cert.findings, FINDING_EXTENSION_DUPLICATE), many[i].found);
    }
}

static void test_item(void **state)
{
    struct finding_set findings = {{0, 0}};
    struct ext ext;
    struct ext_item item;

    (void)state;
    ext_init(&ext, rows[0].exts, &findings);
    assert_true(ext_next(&ext, &item));
    assert_int_equal(item.id, OID_EXT_BASIC_CONSTRAINTS);
    assert_true(item.critical && !item.unreadable);
    assert_true(span_eq(item.value, SPAN_LIT("\x30\x00")));
    assert_true(span_eq(item.head, SPAN_LIT("\x06\x03\x55\x1d\x13\x01\x01\xff")));
    assert_false(ext_next(&ext, &item));
    assert_false(ext.damaged);
    ext_init(&ext, SPAN_NONE, &findings);
    assert_false(ext_next(&ext, &item));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read_all), cmocka_unit_test(test_many),
                                       cmocka_unit_test(test_item)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
