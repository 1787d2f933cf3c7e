#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
