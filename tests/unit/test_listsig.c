#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "signer.h"
#include "vecfile.h"
#include "verify/listsig.h"

/* PKCS#1 v1.5, or PSS, over SHA-256. */
static struct span sign(EVP_PKEY *key, bool pss, struct span bytes, uint8_t *out, size_t cap)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *own = NULL;

    assert_int_equal(EVP_DigestSignInit_ex(ctx, &own, "SHA256", NULL, NULL, key, NULL), 1);
    if (pss)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(own, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_DigestSign(ctx, out, &cap, bytes.at, bytes.len), 1);
    EVP_MD_CTX_free(ctx);
    return span_of(out, cap);
}

static void own_keys(void **state)
{
    static const struct {
        const char *type;
        unsigned bits;
        const char *curve;
        enum err_code code;
    } rows[] = {
        {"RSA", 4096, NULL, ERR_OK}, {"RSA", 2048, NULL, ERR_OK}, {"RSA", 1024, NULL, ERR_KEY},
        {"EC", 0, "P-256", ERR_OK},  {"EC", 0, "P-384", ERR_KEY}, {"ED25519", 0, NULL, ERR_KEY},
    };
    uint8_t list[] = "{\"version\":\"1.0\"}";
    struct span bytes = span_of(list, sizeof(list) - 1);

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        EVP_PKEY *key = signer_key(rows[i].type, rows[i].bits, rows[i].curve);
        uint8_t spki[1024], signature[1024];
        struct listsig_key read = {.len = 0};
        struct err why = {0};
        assert_int_equal(listsig_key_read(signer_spki(key, spki, sizeof spki), &read, &why), rows[i].code);
        if (rows[i].code == ERR_OK) {
            struct span right = sign(key, false, bytes, signature, sizeof signature);
            assert_int_equal(listsig_verify(&read, bytes, right, &why), ERR_OK);
            assert_int_equal(listsig_verify(&read, span_of(list, sizeof list), right, NULL), ERR_SIGNATURE);
            assert_int_equal(listsig_verify(&read, bytes, span_part(right, 0, right.len - 1), NULL),
                             ERR_SIGNATURE);
            assert_int_equal(listsig_verify(&read, bytes, SPAN_LIT(""), NULL), ERR_SIGNATURE);
            assert_int_equal(listsig_verify(listsig_google(), bytes, right, &why), ERR_SIGNATURE);
            signature[right.len / 2] ^= 1;
            assert_int_equal(listsig_verify(&read, bytes, right, NULL), ERR_SIGNATURE);
            assert_int_equal(why.code, ERR_SIGNATURE);
        }
        EVP_PKEY_free(key);
    }
}

/* The same key may sign with another padding; that is another signature. */
static void pss_is_not_taken(void **state)
{
    EVP_PKEY *key = signer_key("RSA", 2048, NULL);
    uint8_t spki[1024], signature[1024];
    struct listsig_key read;
    struct span bytes = SPAN_LIT("a list");

    (void)state;
    assert_int_equal(listsig_key_read(signer_spki(key, spki, sizeof spki), &read, NULL), ERR_OK);
    assert_int_equal(listsig_verify(&read, bytes, sign(key, true, bytes, signature, sizeof signature), NULL),
                     ERR_SIGNATURE);
    EVP_PKEY_free(key);
}

static void not_a_key(void **state)
{
    struct listsig_key key;
    struct err why = {0};

    (void)state;
    assert_int_equal(listsig_key_read(SPAN_LIT("nonsense"), &key, &why), ERR_KEY);
    assert_int_equal(listsig_key_read(SPAN_LIT(""), &key, &why), ERR_KEY);
    assert_int_equal(listsig_google()->len, 550);
}

/* The published list, signature and key. */
static void the_real_list(void **state)
{
    struct span list = vecfile_load("loglist/log_list_v85.92.json");
    struct span signature = vecfile_load("loglist/log_list_v85.92.sig");
    struct span pem = vecfile_load("loglist/log_list_pubkey.pem");
    struct listsig_key key;
    struct err why = {0};

    (void)state;
    if (list.at == NULL || signature.at == NULL || pem.at == NULL)
        skip();
    assert_int_equal(listsig_verify(listsig_google(), list, signature, &why), ERR_OK);
    assert_int_equal(listsig_key_read(pem, &key, &why), ERR_OK);
    assert_true(span_eq(span_of(key.der, key.len), span_of(listsig_google()->der, listsig_google()->len)));
    ((uint8_t *)(uintptr_t)list.at)[list.len / 2] ^= 1;
    assert_int_equal(listsig_verify(listsig_google(), list, signature, &why), ERR_SIGNATURE);
    vecfile_free(list);
    vecfile_free(signature);
    vecfile_free(pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_keys),
        cmocka_unit_test(pss_is_not_taken),
        cmocka_unit_test(not_a_key),
        cmocka_unit_test(the_real_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
