#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "signer.h"
#include "verify/digest.h"
#include "verify/logkey.h"

/* Which keys a log may have (RFC 6962 section 2.1.4). */
static void accepted_keys(void **state)
{
    static const struct {
        const char *type;
        unsigned bits;
        const char *curve;
        enum err_code code;
    } rows[] = {
        {"EC", 0, "P-256", ERR_OK},    {"EC", 0, "P-384", ERR_KEY},  {"EC", 0, "secp256k1", ERR_KEY},
        {"RSA", 2048, NULL, ERR_OK},   {"RSA", 1024, NULL, ERR_KEY}, {"RSA", 4096, NULL, ERR_OK},
        {"ED25519", 0, NULL, ERR_KEY},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        EVP_PKEY *key = signer_key(rows[i].type, rows[i].bits, rows[i].curve);
        struct ctlog log = {.name = "k"};
        uint8_t spki[1024], id[32];
        struct span der = signer_spki(key, spki, sizeof spki);
        struct err why = {0};
        assert_int_equal(logkey_set(&log, der, &why), rows[i].code);
        assert_int_equal(why.code, rows[i].code);
        if (rows[i].code == ERR_OK) {
            digest_sha256(der, id);
            assert_memory_equal(log.log_id, id, 32);
            assert_true(span_eq(span_of(log.key, log.key_len), der));
        } else {
            assert_int_equal(log.key_len, 0);
        }
        EVP_PKEY_free(key);
    }
}

static void damaged_keys(void **state)
{
    EVP_PKEY *key = signer_key("EC", 0, "P-256");
    struct ctlog log = {.name = "k"};
    uint8_t spki[CTLOG_KEY_MAX + 8] = {0};
    struct span der = signer_spki(key, spki, sizeof spki);

    (void)state;
    for (size_t length = 0; length < der.len; length++)
        assert_int_equal(logkey_set(&log, span_of(spki, length), NULL), ERR_KEY);
    assert_int_equal(logkey_set(&log, span_of(spki, der.len + 1), NULL), ERR_KEY);
    assert_int_equal(logkey_set(&log, span_of(spki, sizeof spki), NULL), ERR_KEY);
    assert_int_equal(logkey_set(&log, SPAN_NONE, NULL), ERR_KEY);
    /* The same key with its length written the long way is other bytes, so another log id: refused. */
    memmove(spki + 3, spki + 2, der.len - 2);
    spki[2] = spki[1];
    spki[1] = 0x81;
    assert_int_equal(logkey_set(&log, span_of(spki, der.len + 1), NULL), ERR_KEY);
    EVP_PKEY_free(key);
}

/* A point that is not on the curve. */
static void point_off_curve(void **state)
{
    EVP_PKEY *key = signer_key("EC", 0, "P-256");
    struct ctlog log = {.name = "k"};
    uint8_t spki[256];
    struct span der = signer_spki(key, spki, sizeof spki);

    (void)state;
    spki[der.len - 1] ^= 1;
    assert_int_equal(logkey_set(&log, der, NULL), ERR_KEY);
    EVP_PKEY_free(key);
}

static void user_forms(void **state)
{
    EVP_PKEY *key = signer_key("EC", 0, "P-256");
    uint8_t spki[256];
    struct span der = signer_spki(key, spki, sizeof spki);
    char base64[512] = "\n ";
    struct ctlog log;
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    long pem_len;
    size_t length = 2 + text_base64(der, base64 + 2);

    (void)state;
    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    pem_len = BIO_get_mem_data(bio, &pem);
    memcpy(base64 + length, "\r\n", 3);
    assert_int_equal(logkey_set_from_user(&log, span_str(base64), NULL), ERR_OK);
    assert_true(span_eq(span_of(log.key, log.key_len), der));
    memset(&log, 0, sizeof log);
    assert_int_equal(logkey_set_from_user(&log, span_of(pem, (size_t)pem_len), NULL), ERR_OK);
    assert_true(span_eq(span_of(log.key, log.key_len), der));
    memset(&log, 0, sizeof log);
    assert_int_equal(logkey_set_from_user(&log, der, NULL), ERR_OK);
    assert_true(span_eq(span_of(log.key, log.key_len), der));
    assert_int_equal(logkey_set_from_user(&log, span_of(pem, (size_t)pem_len / 2), NULL), ERR_KEY);
    BIO_free(bio);
    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    pem_len = BIO_get_mem_data(bio, &pem);
    struct err why = {0};
    assert_int_equal(logkey_set_from_user(&log, span_of(pem, (size_t)pem_len), &why), ERR_KEY);
    assert_non_null(strstr(why.text, "PRIVATE KEY"));
    BIO_free(bio);
    EVP_PKEY_free(key);
}

static void user_nonsense(void **state)
{
    static uint8_t large[LOGKEY_USER_MAX + 100];
    static const char *const rows[] = {"",
                                       " \n",
                                       "MFkw",
                                       "not base64!",
                                       "-----BEGIN ",
                                       "-----BEGIN PUBLIC KEY-----",
                                       "0",
                                       "AAAA",
                                       "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"};
    struct ctlog log;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(logkey_set_from_user(&log, span_str(rows[i]), NULL), ERR_KEY);
    memset(large, 'A', sizeof large);
    assert_int_equal(logkey_set_from_user(&log, span_of(large, sizeof large), NULL), ERR_KEY);
    assert_int_equal(logkey_set_from_user(&log, SPAN_NONE, NULL), ERR_KEY);
}

static void verify_with(EVP_PKEY *key, uint8_t algorithm)
{
    struct ctlog log = signer_log(key);
    struct span message = SPAN_LIT("the signed bytes");
    struct buf signature;
    uint8_t copy[1200];

    buf_init(&signature, sizeof copy);
    signer_sign(key, message, 4, algorithm, &signature);
    assert_int_equal(logkey_verify(&log, message, buf_span(&signature), NULL), ERR_OK);
    assert_int_equal(logkey_verify(&log, SPAN_LIT("the signed bytez"), buf_span(&signature), NULL),
                     ERR_SIGNATURE);
    /* Any single wrong byte is noticed; in the head of the structure it is a matter of form. */
    for (size_t i = 0; i < signature.len; i++) {
        memcpy(copy, signature.at, signature.len);
        copy[i] ^= 1;
        enum err_code code = logkey_verify(&log, message, span_of(copy, signature.len), NULL);
        assert_int_equal(code, i < 4 ? ERR_FORMAT : ERR_SIGNATURE);
    }
    for (size_t length = 0; length < signature.len; length++)
        assert_int_equal(logkey_verify(&log, message, span_of(signature.at, length), NULL), ERR_FORMAT);
    buf_byte(&signature, 0);
    assert_int_equal(logkey_verify(&log, message, buf_span(&signature), NULL), ERR_FORMAT);
    buf_fini(&signature);
}

static void verify(void **state)
{
    EVP_PKEY *ec = signer_key("EC", 0, "P-256");
    EVP_PKEY *rsa = signer_key("RSA", 2048, NULL);
    struct ctlog log = signer_log(ec);
    struct ctlog empty = {.name = "empty"};
    struct buf signature;

    (void)state;
    verify_with(ec, 3);
    verify_with(rsa, 1);
    /* A right signature of another key, and a right one under the wrong algorithm. */
    buf_init(&signature, 2048);
    signer_sign(rsa, SPAN_LIT("m"), 4, 1, &signature);
    assert_int_equal(logkey_verify(&log, SPAN_LIT("m"), buf_span(&signature), NULL), ERR_FORMAT);
    buf_clear(&signature);
    signer_sign(ec, SPAN_LIT("m"), 4, 3, &signature);
    assert_int_equal(logkey_verify(&log, SPAN_LIT("m"), buf_span(&signature), NULL), ERR_OK);
    assert_int_equal(logkey_verify(&empty, SPAN_LIT("m"), buf_span(&signature), NULL), ERR_KEY);
    assert_int_equal(logkey_verify(&log, SPAN_LIT("m"), SPAN_NONE, NULL), ERR_FORMAT);
    assert_int_equal(logkey_verify(&log, SPAN_LIT("m"), SPAN_LIT("\x04\x03\x00\x00"), NULL), ERR_FORMAT);
    buf_fini(&signature);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_keys), cmocka_unit_test(damaged_keys),  cmocka_unit_test(point_off_curve),
        cmocka_unit_test(user_forms),    cmocka_unit_test(user_nonsense), cmocka_unit_test(verify),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
