#include "simkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "verify/digest.h"

#define SIMKEY_RSA_E       65537
#define SIMKEY_PRIME_BYTES 128

/* Bytes that depend on nothing but what names the key. */
static void simkey_stream(const char *label, uint64_t number, unsigned part, uint8_t *out, size_t size)
{
    for (unsigned block = 0; size > 0; block++) {
        char text[256];
        uint8_t digest[32];
        size_t take = size < sizeof digest ? size : sizeof digest;
        int length = snprintf(text, sizeof text, "ctvigil-logsim key %s %" PRIu64 " %u %u", label, number,
                              part, block);
        must(length > 0 && (size_t)length < sizeof text);
        digest_sha256(span_of(text, (size_t)length), digest);
        memcpy(out, digest, take);
        out += take;
        size -= take;
    }
}

static EVP_PKEY *simkey_make(const char *type, OSSL_PARAM_BLD *builder)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    must(params != NULL && ctx != NULL);
    must(EVP_PKEY_fromdata_init(ctx) == 1);
    must(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

EVP_PKEY *simkey_ec(const char *label, uint64_t number)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = EC_POINT_new(group);
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *range = BN_dup(EC_GROUP_get0_order(group));
    BIGNUM *secret = BN_secure_new();
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    uint8_t bytes[40];
    uint8_t public[65];
    EVP_PKEY *key;

    must(group != NULL && point != NULL && ctx != NULL && range != NULL && secret != NULL && builder != NULL);
    simkey_stream(label, number, 0, bytes, sizeof bytes);
    must(BN_bin2bn(bytes, sizeof bytes, secret) != NULL && BN_sub_word(range, 1) == 1);
    must(BN_mod(secret, secret, range, ctx) == 1 && BN_add_word(secret, 1) == 1);
    must(EC_POINT_mul(group, point, secret, NULL, NULL, ctx) == 1);
    must(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, public, sizeof public, ctx) ==
         sizeof public);
    must(OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1);
    must(OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, public, sizeof public) == 1);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1);
    key = simkey_make("EC", builder);
    BN_free(secret);
    BN_free(range);
    BN_CTX_free(ctx);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return key;
}

/* The first prime p behind a starting point with p - 1 coprime to the exponent. */
static BIGNUM *simkey_prime(const char *label, uint64_t number, unsigned part, BN_CTX *ctx)
{
    uint8_t bytes[SIMKEY_PRIME_BYTES];
    BIGNUM *prime;

    simkey_stream(label, number, part, bytes, sizeof bytes);
    bytes[0] |= 0xc0; /* so that the product of two has all its bits */
    bytes[sizeof bytes - 1] |= 1;
    prime = BN_bin2bn(bytes, sizeof bytes, NULL);
    must(prime != NULL);
    while (BN_mod_word(prime, SIMKEY_RSA_E) == 1 || BN_check_prime(prime, ctx, NULL) != 1)
        must(BN_add_word(prime, 2) == 1);
    return prime;
}

EVP_PKEY *simkey_rsa(const char *label, uint64_t number)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = simkey_prime(label, number, 1, ctx);
    BIGNUM *q = simkey_prime(label, number, 2, ctx);
    BIGNUM *n = BN_new();
    BIGNUM *e = BN_new();
    BIGNUM *d = BN_new();
    BIGNUM *phi = BN_new();
    BIGNUM *dp = BN_new();
    BIGNUM *dq = BN_new();
    BIGNUM *qinv = BN_new();
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key;

    must(n && e && d && phi && dp && dq && qinv && builder && BN_cmp(p, q) != 0);
    must(BN_set_word(e, SIMKEY_RSA_E) == 1 && BN_mul(n, p, q, ctx) == 1);
    must(BN_mod_inverse(qinv, q, p, ctx) != NULL);
    must(BN_sub_word(p, 1) == 1 && BN_sub_word(q, 1) == 1 && BN_mul(phi, p, q, ctx) == 1);
    must(BN_mod_inverse(d, e, phi, ctx) != NULL);
    must(BN_mod(dp, d, p, ctx) == 1 && BN_mod(dq, d, q, ctx) == 1);
    must(BN_add_word(p, 1) == 1 && BN_add_word(q, 1) == 1);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_D, d) == 1);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_FACTOR1, p) == 1);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_FACTOR2, q) == 1);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_EXPONENT1, dp) == 1);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_EXPONENT2, dq) == 1);
    must(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qinv) == 1);
    key = simkey_make("RSA", builder);
    BN_free(p);
    BN_free(q);
    BN_free(n);
    BN_free(e);
    BN_free(d);
    BN_free(phi);
    BN_free(dp);
    BN_free(dq);
    BN_free(qinv);
    BN_CTX_free(ctx);
    return key;
}

void simkey_spki(const EVP_PKEY *key, struct buf *out)
{
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(key, &der);

    must(length > 0);
    buf_put(out, span_of(der, (size_t)length));
    OPENSSL_free(der);
}

void simkey_spki_sha256(const EVP_PKEY *key, uint8_t out[32])
{
    struct buf spki;

    buf_init(&spki, 4096);
    simkey_spki(key, &spki);
    must(buf_ok(&spki));
    digest_sha256(buf_span(&spki), out);
    buf_fini(&spki);
}

void simkey_sign(EVP_PKEY *key, struct span message, struct buf *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t signature[128];
    size_t length = sizeof signature;

    must(ctx != NULL);
    must(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1);
    must(EVP_DigestSign(ctx, signature, &length, message.at, message.len) == 1);
    EVP_MD_CTX_free(ctx);
    buf_byte(out, 4); /* sha256 */
    buf_byte(out, 3); /* ecdsa */
    buf_u16(out, (uint16_t)length);
    buf_put(out, span_of(signature, length));
}
