/* Weak keys and signatures and known keys as findings: of real certificates, made here, and of stored rows.
 */
#include "watcher/rule_weak.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "model/cert.h"
#include "model/signing.h"
#include "parser/sigalg.h"
#include "parser/tbs.h"
#include "verify/digest.h"
#include "watcher/blocklist.h"

static struct span make(EVP_PKEY *key, const EVP_MD *digest, uint8_t *out, size_t cap)
{
    X509 *cert = X509_new();
    unsigned char *at = out;
    assert_non_null(cert);
    assert_true(X509_set_version(cert, 2) && X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL);
    assert_true(X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL && X509_set_pubkey(cert, key));
    EVP_PKEY *ca = EVP_RSA_gen(1024); /* its strength is not asked */
    assert_true(X509_sign(cert, ca, digest) > 0);
    EVP_PKEY_free(ca);
    int len = i2d_X509(cert, NULL);
    assert_true(len > 0 && (size_t)len <= cap && i2d_X509(cert, &at) == len);
    X509_free(cert);
    return span_of(out, (size_t)len);
}

static void judge(const struct cert *cert, const struct issuance *issuance, const struct blocklist *blocklist,
                  uint8_t severity, const char *wanted)
{
    struct watch watch = {.id = 3, .name = (char *)(uintptr_t) "x.test"};
    struct arena arena;
    struct alert alert = {.domain_id = 3};
    struct policy_case what = {.watch = &watch, .issuance = issuance, .cert = cert, .blocklist = blocklist};
    struct rule rule = {&what, &arena, &alert, false};
    char text[512] = "";
    size_t len = 0;
    watch.severity[ALERT_KIND_WEAK_KEY] = severity;
    assert_true(arena_init(&arena, 1 << 20));
    rule_weak_judge(&rule);
    assert_false(rule.full);
    for (size_t i = 0; i < alert.finding_count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s/%s", i == 0 ? "" : " ",
                                alert_kind_name(alert.findings[i].kind),
                                alert_severity_name(alert.findings[i].severity));
    if (strcmp(text, wanted) != 0)
        fail_msg("%s, not %s", text, wanted);
    arena_fini(&arena);
}

static EVP_PKEY *rsa_of(unsigned bits, unsigned exponent)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    BIGNUM *e = BN_new();
    EVP_PKEY *key = NULL;
    assert_true(ctx != NULL && e != NULL && BN_set_word(e, exponent) && EVP_PKEY_keygen_init(ctx) > 0 &&
                EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) > 0 &&
                EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) > 0 && EVP_PKEY_keygen(ctx, &key) > 0);
    BN_free(e);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void certificates(void **state)
{
    const struct {
        const char *label;
        EVP_PKEY *key;
        const EVP_MD *digest;
        uint8_t severity;
        const char *wanted;
    } rows[] = {
        {"sound", rsa_of(2048, 65537), EVP_sha256(), 0, ""},
        {"P-256", EVP_EC_gen("P-256"), EVP_sha384(), 0, ""},
        {"Ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), EVP_sha256(), 0, ""},
        {"short", rsa_of(1024, 65537), EVP_sha256(), 0, "weak_key/high"},
        {"as the watch has it", rsa_of(1024, 65537), EVP_sha256(), 1 + ALERT_INFO, "weak_key/info"},
        {"small exponent", rsa_of(2048, 3), EVP_sha256(), 0, "weak_key/low"},
        {"odd curve", EVP_EC_gen("secp256k1"), EVP_sha256(), 0, "weak_key/high"},
        {"SHA-1", EVP_EC_gen("P-256"), EVP_sha1(), 0, "weak_signature/high"},
        {"MD5 as well", rsa_of(1024, 65537), EVP_md5(), 0, "weak_key/high weak_signature/high"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t der[4096];
        struct cert cert;
        struct issuance issuance = {.key_bits = 0};
        assert_non_null(rows[i].key);
        struct span whole = make(rows[i].key, rows[i].digest, der, sizeof der);
        assert_true(tbs_read_certificate(whole, &cert));
        issuance.key_alg = (uint8_t)cert.key_alg;
        digest_sha256(cert.spki, issuance.spki_sha256);
        judge(&cert, &issuance, NULL, rows[i].severity, rows[i].wanted);
        /* As its final certificate comes, or from another log. */
        judge(&cert, &issuance, NULL, rows[i].severity, rows[i].wanted);
        EVP_PKEY_free(rows[i].key);
    }
}

static EVP_PKEY *rsa_with(BIGNUM *n, BN_ULONG e)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *exponent = BN_new();
    EVP_PKEY *key = NULL;
    assert_true(ctx != NULL && bld != NULL && exponent != NULL && BN_set_word(exponent, e) &&
                OSSL_PARAM_BLD_push_BN(bld, "n", n) && OSSL_PARAM_BLD_push_BN(bld, "e", exponent));
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    assert_true(params != NULL && EVP_PKEY_fromdata_init(ctx) > 0 &&
                EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(exponent);
    BN_free(n);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static BIGNUM *prime_of(int bits)
{
    BIGNUM *p = BN_new();
    assert_true(p != NULL && BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL));
    return p;
}

/* The product of a prime and the next one. */
static BIGNUM *close_primes(void)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = prime_of(1024);
    BIGNUM *q = BN_dup(p);
    BIGNUM *n = BN_new();
    assert_true(ctx != NULL && q != NULL && n != NULL);
    do
        assert_true(BN_add_word(q, 2));
    while (BN_check_prime(q, ctx, NULL) != 1);
    assert_true(BN_mul(n, p, q, ctx));
    BN_free(p);
    BN_free(q);
    BN_CTX_free(ctx);
    return n;
}

static BIGNUM *times(BIGNUM *n, BN_ULONG factor)
{
    assert_true(BN_mul_word(n, factor));
    return n;
}

static BIGNUM *sound_modulus(void)
{
    EVP_PKEY *key = rsa_of(2048, 65537);
    BIGNUM *n = NULL;
    assert_true(EVP_PKEY_get_bn_param(key, "n", &n));
    EVP_PKEY_free(key);
    return n;
}

/* Whoever likes has the private key: worse than one that a state could compute. */
static void given_away(void **state)
{
    EVP_PKEY *const keys[] = {
        rsa_with(times(prime_of(2047), 2), 65537),
        rsa_with(times(prime_of(2046), 3), 65537),
        rsa_with(prime_of(2048), 65537),
        rsa_with(close_primes(), 65537),
        rsa_with(sound_modulus(), 1),
    };
    (void)state;
    for (size_t i = 0; i < countof(keys); i++) {
        uint8_t der[4096];
        struct cert cert;
        struct issuance issuance = {.key_alg = CERT_KEY_RSA};
        assert_true(tbs_read_certificate(make(keys[i], EVP_sha256(), der, sizeof der), &cert));
        digest_sha256(cert.spki, issuance.spki_sha256);
        judge(&cert, &issuance, NULL, 0, "weak_key/critical");
        judge(&cert, &issuance, NULL, 1 + ALERT_LOW, "weak_key/low");
        EVP_PKEY_free(keys[i]);
    }
}

static void stored(void **state)
{
    static const struct {
        uint8_t alg;
        uint32_t bits;
        const char *wanted;
    } rows[] = {
        {CERT_KEY_RSA, 2048, ""},
        {CERT_KEY_RSA, 1024, "weak_key/high"},
        {CERT_KEY_RSA, 0, ""},
        {CERT_KEY_RSA_PSS, 2047, "weak_key/high"},
        {CERT_KEY_EC, 256, ""},
        {CERT_KEY_EC, 521, ""},
        {CERT_KEY_EC, 224, "weak_key/high"},
        {CERT_KEY_DSA, 2048, "weak_key/high"},
        {CERT_KEY_ED25519, 256, ""},
        {CERT_KEY_UNKNOWN, 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct issuance issuance = {.key_alg = rows[i].alg, .key_bits = rows[i].bits};
        judge(NULL, &issuance, NULL, 0, rows[i].wanted);
    }
    judge(NULL, &(struct issuance){.signing = SIGNING_ECDSA_SHA1}, NULL, 0, "weak_signature/high");
    judge(NULL, &(struct issuance){.signing = SIGNING_OTHER}, NULL, 0, "");
}

/* What OpenSSL signed. */
static EVP_PKEY *key_of(const char *kind)
{
    EVP_PKEY *key = strcmp(kind, "EC") == 0       ? EVP_EC_gen("P-256")
                    : strncmp(kind, "ED", 2) == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, kind)
                                                  : EVP_RSA_gen(1024);
    assert_non_null(key);
    return key;
}

static struct span sign(const char *kind, const char *digest, uint8_t *out, size_t cap)
{
    X509 *cert = X509_new();
    EVP_PKEY *key = key_of(kind);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how = NULL;
    unsigned char *at = out;
    assert_true(cert != NULL && ctx != NULL && X509_set_version(cert, 2) && X509_set_pubkey(cert, key));
    assert_true(X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL);
    assert_true(
        EVP_DigestSignInit(ctx, &how, digest == NULL ? NULL : EVP_get_digestbyname(digest), NULL, key) > 0);
    if (strcmp(kind, "PSS") == 0)
        assert_true(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) > 0);
    assert_true(X509_sign_ctx(cert, ctx) > 0);
    int len = i2d_X509(cert, NULL);
    assert_true(len > 0 && (size_t)len <= cap && i2d_X509(cert, &at) == len);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    X509_free(cert);
    return span_of(out, (size_t)len);
}

static void signed_by(void **state)
{
    static const struct {
        const char *kind;
        const char *digest;
        const char *word;
    } rows[] = {
        {"RSA", "MD5", "rsa-md5"},           {"RSA", "SHA1", "rsa-sha1"},
        {"RSA", "SHA224", "rsa-sha224"},     {"RSA", "SHA256", "rsa-sha256"},
        {"RSA", "SHA384", "rsa-sha384"},     {"RSA", "SHA512", "rsa-sha512"},
        {"EC", "SHA1", "ecdsa-sha1"},        {"EC", "SHA224", "ecdsa-sha224"},
        {"EC", "SHA256", "ecdsa-sha256"},    {"EC", "SHA384", "ecdsa-sha384"},
        {"EC", "SHA512", "ecdsa-sha512"},    {"PSS", "SHA1", "rsa-pss-sha1"},
        {"PSS", "SHA256", "rsa-pss-sha256"}, {"PSS", "SHA384", "rsa-pss-sha384"},
        {"PSS", "SHA512", "rsa-pss-sha512"}, {"PSS", "SHA224", "other"},
        {"ED25519", NULL, "ed25519"},        {"ED448", NULL, "ed448"},
        {"EC", "SHA3-256", "other"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t der[4096];
        struct cert cert;
        struct span whole = sign(rows[i].kind, rows[i].digest, der, sizeof der);
        assert_true(tbs_read_certificate(whole, &cert));
        assert_string_equal(signing_word(sigalg_signing(&cert)), rows[i].word);
        /* As the leaf of a precertificate has it. */
        struct span tbs = cert.tbs;
        (void)tbs_read(tbs, &cert);
        assert_string_equal(signing_word(sigalg_signing(&cert)), rows[i].word);
    }
    struct cert nothing = {.key_bits = 0};
    assert_int_equal(sigalg_signing(&nothing), SIGNING_OTHER);
}

static void listed(void **state)
{
    char path[] = "/tmp/known.XXXXXX";
    char line[80];
    char hex[65];
    uint8_t der[4096];
    struct cert cert;
    struct blocklist *list = NULL;
    struct issuance issuance = {.key_alg = CERT_KEY_EC, .key_bits = 256};
    int fd = mkstemp(path);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    (void)state;
    assert_true(tbs_read_certificate(make(key, EVP_sha256(), der, sizeof der), &cert));
    EVP_PKEY_free(key);
    digest_sha256(cert.spki, issuance.spki_sha256);
    int len = snprintf(line, sizeof line, "spki:%s\n", text_hex(span_of(issuance.spki_sha256, 32), hex));
    assert_true(fd >= 0 && write(fd, line, (size_t)len) == len);
    assert_int_equal(close(fd), 0);
    assert_int_equal(blocklist_read(path, &list, NULL), ERR_OK);
    judge(&cert, &issuance, list, 0, "compromised_key/critical");
    judge(NULL, &issuance, list, 0, "compromised_key/critical"); /* by its hash alone */
    issuance.spki_sha256[0] ^= 1;
    judge(&cert, &issuance, list, 0, "");
    blocklist_unpin(list);
    assert_int_equal(unlink(path), 0);
}

/* Keys as an attacker writes them. */
static void hostile(void **state)
{
    static const uint8_t spki[] = {0x30, 0x14, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                   0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x03, 0x00, 0x30, 0x00};
    struct cert cert = {.spki = {spki, sizeof spki}, .key_alg = CERT_KEY_RSA};
    struct issuance issuance = {.key_alg = CERT_KEY_RSA};
    (void)state;
    judge(&cert, &issuance, NULL, 0, "weak_key/high");
    cert.spki = SPAN_NONE;
    judge(&cert, &issuance, NULL, 0, "weak_key/high");
    cert.key_alg = CERT_KEY_EC;
    judge(&cert, &issuance, NULL, 0, "weak_key/high");
    cert.key_alg = CERT_KEY_UNKNOWN;
    judge(&cert, &issuance, NULL, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(certificates), cmocka_unit_test(given_away),
                                       cmocka_unit_test(stored),       cmocka_unit_test(signed_by),
                                       cmocka_unit_test(listed),       cmocka_unit_test(hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
