/* The public half of private keys, in the forms that tools write. */
#include "verify/ownkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "verify/digest.h"

static void same(struct span der, EVP_PKEY *key)
{
    unsigned char *spki = NULL;
    uint8_t expected[32];
    uint8_t found[32];
    int len = i2d_PUBKEY(key, &spki);
    assert_true(len > 0);
    digest_sha256(span_of(spki, (size_t)len), expected);
    OPENSSL_free(spki);
    assert_true(ownkey_public(der, found));
    assert_memory_equal(found, expected, 32);
    for (size_t cut = 0; cut < der.len; cut += 29)
        assert_false(ownkey_public(span_of(der.at, cut), found));
}

static void both_forms(EVP_PKEY *key)
{
    unsigned char *old = NULL;
    unsigned char *new = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    int len = i2d_PrivateKey(key, &old);
    assert_non_null(info);
    same(span_of(old, (size_t)len), key);
    len = i2d_PKCS8_PRIV_KEY_INFO(info, &new);
    same(span_of(new, (size_t)len), key);
    PKCS8_PRIV_KEY_INFO_free(info);
    OPENSSL_free(old);
    OPENSSL_free(new);
    EVP_PKEY_free(key);
}

static void keys(void **state)
{
    (void)state;
    both_forms(EVP_EC_gen("P-256"));
    both_forms(EVP_RSA_gen(1024));
}

static void none(void **state)
{
    uint8_t found[32];
    (void)state;
    assert_false(ownkey_public(SPAN_NONE, found));
    assert_false(ownkey_public(SPAN_LIT("0\x80\x02\x01\x01"), found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys), cmocka_unit_test(none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
