#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "signer.h"
#include "verify/sctsig.h"

/* RFC 6962 section 3.2, octet by octet. */
static void leaf(void **state)
{
    uint8_t key[32];
    struct buf out;
    (void)state;
    memset(key, 0xab, sizeof key);
    buf_init(&out, 256);
    sctsig_leaf(&(struct sctsig){.timestamp_ms = UINT64_C(0x0102030405060708),
                                 .issuer_key_hash = key,
                                 .tbs = SPAN_LIT("TBS"),
                                 .extensions = SPAN_LIT("EX")},
                &out);
    assert_int_equal(out.len, 12 + 32 + 3 + 3 + 2 + 2);
    assert_memory_equal(out.at, "\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01", 12);
    assert_memory_equal(out.at + 12, key, 32);
    assert_memory_equal(out.at + 44,
                        "\x00\x00\x03"
                        "TBS\x00\x02"
                        "EX",
                        10);
    buf_fini(&out);
}

/* Each signed value counts, and the key. */
static void each_value(void **state)
{
    static const uint8_t other_key[32] = {9};
    EVP_PKEY *key = signer_key("EC", 0, "P-256");
    EVP_PKEY *stranger = signer_key("EC", 0, "P-256");
    struct ctlog log = signer_log(key);
    struct ctlog other_log = signer_log(stranger);
    uint8_t issuer[32] = {1};
    struct sctsig good = {.timestamp_ms = 1700000000000,
                          .issuer_key_hash = issuer,
                          .tbs = SPAN_LIT("the TBS"),
                          .extensions = SPAN_LIT("ext")};
    struct buf bytes;
    struct buf signature;
    (void)state;
    buf_init(&bytes, 256);
    buf_init(&signature, 256);
    sctsig_leaf(&good, &bytes);
    signer_sign(key, buf_span(&bytes), 4, 3, &signature);
    good.digitally_signed = buf_span(&signature);
    struct sctsig bad[] = {good, good, good, good};
    bad[0].timestamp_ms++;
    bad[1].issuer_key_hash = other_key;
    bad[2].tbs = SPAN_LIT("the TBs");
    bad[3].extensions = SPAN_NONE;
    for (size_t i = 0; i < countof(bad); i++)
        assert_int_equal(sctsig_verify(&log, &bad[i], NULL), ERR_SIGNATURE);
    assert_int_equal(sctsig_verify(&other_log, &good, NULL), ERR_SIGNATURE);
    assert_int_equal(sctsig_verify(&log, &good, NULL), ERR_OK);
    good.digitally_signed = span_part(good.digitally_signed, 0, good.digitally_signed.len - 1);
    assert_int_equal(sctsig_verify(&log, &good, NULL), ERR_FORMAT);
    good.tbs.len = 1u << 24;
    assert_int_equal(sctsig_verify(&log, &good, NULL), ERR_TOO_BIG);
    buf_fini(&bytes);
    buf_fini(&signature);
    EVP_PKEY_free(key);
    EVP_PKEY_free(stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(leaf), cmocka_unit_test(each_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
