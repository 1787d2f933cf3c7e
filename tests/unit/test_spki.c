#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/oid.h"
#include "parser/spki.h"

/* { { OID, parameters }, BIT STRING } by hand. */
static const struct {
    struct span spki;
    const char *alg;
    uint32_t bits;
    bool unreadable;
} rows[] = {
    {{(const uint8_t *)"\x30\x05\x30\x03\x06\x01\x2a", 7}, NULL, 0, true},
    {{(const uint8_t *)"\x30\x09\x30\x03\x06\x01\x2a\x03\x02\x00\x01", 11}, NULL, 0, false},
    {{(const uint8_t *)"\x30\x0a\x30\x05\x06\x03\x2b\x65\x70\x03\x01\x00", 12}, "Ed25519", 256, false},
    {{(const uint8_t *)"\x30\x0a\x30\x05\x06\x03\x2b\x65\x6e\x03\x01\x00", 12}, "X25519", 253, false},
    /* RSA, modulus 0x00ff01: 16 bits. */
    {{(const uint8_t *)"\x30\x1a\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x03\x0b\x00\x30\x08\x02"
                       "\x03\x00\xff\x01\x02\x01\x03",
      28},
     "RSA",
     16,
     false},
    /* RSA without a modulus. */
    {{(const uint8_t *)"\x30\x12\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x03\x03\x00\x30\x00",
      20},
     "RSA",
     0,
     true},
    /* EC on an unknown curve with a point of 2 x 4 octets. */
    {{(const uint8_t *)"\x30\x1a\x30\x0c\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x01\x2a\x03\x0a\x00\x04"
                       "12345678",
      28},
     "EC",
     32,
     false},
    {{(const uint8_t *)"\x30\x0a\x30\x05\x06\x03\x2b\x65\x71\x03\x01\x00", 12}, "Ed448", 456, false},
    {{(const uint8_t *)"\x30\x0a\x30\x05\x06\x03\x2b\x65\x6f\x03\x01\x00", 12}, "X448", 448, false},
    {{(const uint8_t *)"\x30\x10\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12\x03\x01\x00", 18},
     "MLDSA65PublicKey",
     0,
     false},
    /* RSASSA-PSS, the same modulus. */
    {{(const uint8_t *)"\x30\x1a\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x03\x0b\x00\x30\x08\x02"
                       "\x03\x00\xff\x01\x02\x01\x03",
      28},
     "RSA-PSS",
     16,
     false},
    /* RSA whose key is no SEQUENCE. */
    {{(const uint8_t *)"\x30\x12\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x03\x03\x00\x31\x00",
      20},
     "RSA",
     0,
     true},
    /* DSA and DH begin with the prime, here 0x0101: 9 bits; and may lack it. */
    {{(const uint8_t *)"\x30\x14\x30\x0f\x06\x07\x2a\x86\x48\xce\x38\x04\x01\x30\x04\x02\x02\x01\x01\x03\x01"
                       "\x00",
      22},
     "DSA",
     9,
     false},
    {{(const uint8_t *)"\x30\x14\x30\x0f\x06\x07\x2a\x86\x48\xce\x3e\x02\x01\x30\x04\x02\x02\x01\x01\x03\x01"
                       "\x00",
      22},
     "dhpublicnumber",
     9,
     false},
    {{(const uint8_t *)"\x30\x0e\x30\x09\x06\x07\x2a\x86\x48\xce\x38\x04\x01\x03\x01\x00", 16},
     "DSA",
     0,
     false},
    /* EC with its curve written out: the field 0x0101. */
    {{(const uint8_t *)"\x30\x1d\x30\x18\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x30\x0d\x02\x01\x01\x30\x08\x06"
                       "\x02\x2a\x03\x02\x02\x01\x01\x03\x01\x00",
      31},
     "EC",
     9,
     false},
    /* EC on an unknown curve with a compressed point. */
    {{(const uint8_t *)"\x30\x16\x30\x0c\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x01\x2a\x03\x06\x00\x02"
                       "1234",
      24},
     "EC",
     32,
     false},
    {{(const uint8_t *)"\x31\x00", 2}, NULL, 0, true},
    {{NULL, 0}, NULL, 0, true},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct cert cert = {.spki = rows[i].spki};
        spki_read(&cert);
        if (rows[i].alg == NULL)
            assert_null(spki_alg_name(&cert));
        else
            assert_string_equal(spki_alg_name(&cert), rows[i].alg);
        assert_int_equal(cert.key_bits, rows[i].bits);
        assert_int_equal(finding_has(&cert.findings, FINDING_SPKI_UNREADABLE), rows[i].unreadable);
    }
}

/* The curves known by name, with the sizes that OpenSSL gives. */
static void test_curves(void **state)
{
    static const struct {
        enum oid curve;
        uint32_t bits;
    } curves[] = {
        {OID_CURVE_P192, 192},   {OID_CURVE_P224, 224},   {OID_CURVE_P256, 256},  {OID_CURVE_P384, 384},
        {OID_CURVE_P521, 521},   {OID_CURVE_K256, 256},   {OID_CURVE_SM2, 256},   {OID_CURVE_BP256, 256},
        {OID_CURVE_BP256T, 256}, {OID_CURVE_BP320, 320},  {OID_CURVE_BP384, 384}, {OID_CURVE_BP384T, 384},
        {OID_CURVE_BP512, 512},  {OID_CURVE_BP512T, 512}, {OID_CURVE_B283K, 281}, {OID_CURVE_B283R, 282},
    };

    (void)state;
    for (size_t i = 0; i < countof(curves); i++) {
        static const uint8_t point[] = {3, 3, 0, 4, 1};
        struct span curve = oid_bytes(curves[i].curve);
        uint8_t spki[64] = {0x30,
                            (uint8_t)(13 + curve.len + sizeof point),
                            0x30,
                            (uint8_t)(11 + curve.len),
                            6,
                            7,
                            0x2a,
                            0x86,
                            0x48,
                            0xce,
                            0x3d,
                            2,
                            1,
                            6,
                            (uint8_t)curve.len};
        memcpy(spki + 15, curve.at, curve.len);
        memcpy(spki + 15 + curve.len, point, sizeof point);
        struct cert cert = {.spki = span_of(spki, 15 + curve.len + sizeof point)};
        spki_read(&cert);
        assert_int_equal(cert.key_bits, curves[i].bits);
        assert_true(finding_none(&cert.findings));
        assert_true(span_eq(cert.curve_oid, curve));
    }
}

static const struct {
    struct span spki;
    bool good;
    size_t params;
    unsigned unused;
    size_t modulus;
    size_t exponent;
} keys[] = {
    {{(const uint8_t *)"\x30\x1c\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x0b\x00"
                       "\x30\x08\x02\x03\x00\xff\x01\x02\x01\x03",
      30},
     true,
     2,
     0,
     3,
     1},
    /* bytes behind the exponent, no exponent, no modulus, bytes behind the list */
    {{(const uint8_t *)"\x30\x1c\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x03\x0d\x00\x30\x0a\x02"
                       "\x03\x00\xff\x01\x02\x01\x03\x05\x00",
      30},
     false,
     0,
     0,
     3,
     1},
    {{(const uint8_t *)"\x30\x17\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x03\x08\x00\x30\x05\x02"
                       "\x03\x00\xff\x01",
      25},
     false,
     0,
     0,
     3,
     0},
    {{(const uint8_t *)"\x30\x12\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x03\x03\x00\x30\x00",
      20},
     false,
     0,
     0,
     0,
     0},
    {{(const uint8_t *)"\x30\x12\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x03\x03\x00\x31\x00",
      20},
     false,
     0,
     0,
     0,
     0},
    {{(const uint8_t *)"\x30\x0a\x30\x05\x06\x03\x2b\x65\x70\x03\x01\x05", 12}, true, 0, 5, 0, 0},
    {{(const uint8_t *)"\x30\x0c\x30\x05\x06\x03\x2b\x65\x70\x03\x01\x00\x05\x00", 14}, false, 0, 0, 0, 0},
    {{(const uint8_t *)"\x30\x09\x30\x05\x06\x03\x2b\x65\x70\x03\x00", 11}, false, 0, 0, 0, 0},
    {{(const uint8_t *)"\x30\x02\x05\x00", 4}, false, 0, 0, 0, 0},
    {{(const uint8_t *)"\x31\x00", 2}, false, 0, 0, 0, 0},
    {{NULL, 0}, false, 0, 0, 0, 0},
};

static void test_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(keys); i++) {
        struct cert cert = {.spki = keys[i].spki};
        struct spki_key key;
        spki_read(&cert);
        bool good = spki_open(&cert, &key);
        if (good != keys[i].good || key.params.len != keys[i].params || key.unused != keys[i].unused ||
            key.modulus.len != keys[i].modulus || key.exponent.len != keys[i].exponent)
            fail_msg("key %zu: %d, %zu, %u, %zu, %zu", i, good, key.params.len, key.unused, key.modulus.len,
                     key.exponent.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_curves),
        cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
