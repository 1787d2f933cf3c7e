#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/sigalg.h"
#include "parser/tbs.h"
#include "tests/unit/sample.h"

#define BYTES(text)                                                                                          \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

#define SHA256 "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
#define MGF1   "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"

static const struct {
    struct span params;
    bool good;
    enum oid hash;
    enum oid mgf_hash;
    uint32_t salt;
    uint32_t trailer;
} pss[] = {
    {{NULL, 0}, true, OID_HASH_SHA1, OID_HASH_SHA1, 20, 1},
    {BYTES("\x30\x00"), true, OID_HASH_SHA1, OID_HASH_SHA1, 20, 1},
    {BYTES("\x30\x34\xa0\x0f" SHA256 "\xa1\x1c\x30\x1a" MGF1 SHA256 "\xa2\x03\x02\x01\x20"), true,
     OID_HASH_SHA256, OID_HASH_SHA256, 32, 1},
    {BYTES("\x30\x11\xa0\x0f" SHA256), true, OID_HASH_SHA256, OID_HASH_SHA1, 20, 1},
    {BYTES("\x30\x05\xa3\x03\x02\x01\x02"), true, OID_HASH_SHA1, OID_HASH_SHA1, 20, 2},
    {BYTES("\x30\x08\xa0\x06\x30\x04\x06\x02\x2a\x03"), true, OID_UNKNOWN, OID_HASH_SHA1, 20, 1},
    {BYTES("\x05\x00"), false, OID_HASH_SHA1, OID_HASH_SHA1, 20, 1},
    {BYTES("\x30\x00\x05\x00"), false, OID_HASH_SHA1, OID_HASH_SHA1, 20, 1},
    {BYTES("\x30\x05\xa2\x03\x02\x01\xff"), false, OID_HASH_SHA1, OID_HASH_SHA1, UINT32_MAX, 1},
    {BYTES("\x30\x05\xa2\x03\x05\x01\x00"), false, OID_HASH_SHA1, OID_HASH_SHA1, 20, 1},
    {BYTES("\x30\x02\xa0\x00"), false, OID_HASH_SHA1, OID_HASH_SHA1, 20, 1},
    {BYTES("\x30\x0f\xa1\x0d\x30\x0b" MGF1), false, OID_HASH_SHA1, OID_HASH_SHA1, 20, 1},
    {BYTES("\x30\x02\x05\x00"), false, OID_HASH_SHA1, OID_HASH_SHA1, 20, 1},
};

static void parameters_of_pss(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(pss); i++) {
        struct sigalg_pss got;
        bool good = sigalg_pss(pss[i].params, &got);
        if (good != pss[i].good || got.hash != pss[i].hash || got.mgf_hash != pss[i].mgf_hash ||
            got.salt_length != pss[i].salt || got.trailer != pss[i].trailer)
            fail_msg("row %zu: %d %d %d %u %u", i, good, (int)got.hash, (int)got.mgf_hash, got.salt_length,
                     got.trailer);
    }
}

static void both_places(void **state)
{
    struct span der = sample_load("tbs/plain.der");
    struct span bare = sample_load("tbs/bare_tbs.der");
    struct cert cert;
    struct sigalg inner;
    struct sigalg outer;

    (void)state;
    assert_true(tbs_read_certificate(der, &cert));
    assert_true(sigalg_of_tbs(&cert, &inner) && sigalg_of_signature(&cert, &outer));
    assert_true(span_eq(inner.whole, outer.whole) && inner.whole.at < outer.whole.at);
    assert_ptr_equal(inner.oid.at, cert.tbs_sig_oid.at);
    assert_ptr_equal(outer.oid.at, cert.sig_oid.at);
    assert_int_equal(inner.id, oid_find(cert.sig_oid));
    assert_true(tbs_read(bare, &cert));
    assert_true(sigalg_of_tbs(&cert, &inner));
    assert_false(sigalg_of_signature(&cert, &outer));
    assert_null(outer.whole.at);
    sample_free(der);
    sample_free(bare);
}

static void forms(void **state)
{
    static const struct {
        struct span bytes;
        bool good;
        size_t params;
    } rows[] = {
        {BYTES("\x30\x04\x06\x02\x2a\x03"), true, 0},
        {BYTES("\x30\x06\x06\x02\x2a\x03\x05\x00"), true, 2},
        {BYTES("\x30\x04\x06\x02\x2a\x03junk"), true, 0},
        {BYTES("\x30\x02\x05\x00"), false, 0},
        {BYTES("\x31\x04\x06\x02\x2a\x03"), false, 0},
        {BYTES("\x30\x05\x06\x02\x2a\x03"), false, 0},
        {{NULL, 0}, false, 0},
    };
    struct sigalg got;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(sigalg_read(rows[i].bytes, &got), rows[i].good);
        assert_int_equal(got.params.len, rows[i].params);
        assert_int_equal(got.params.at != NULL, rows[i].params != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_of_pss),
        cmocka_unit_test(both_places),
        cmocka_unit_test(forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
