/* Keys with every known flaw, made here, and sound ones that have none. */
#include "verify/weakkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define BIT(flaw) (UINT32_C(1) << WEAKKEY_##flaw)

static const uint8_t f4[] = {1, 0, 1};

static uint32_t judge(const BIGNUM *n, struct span exponent)
{
    uint8_t octets[4096] = {0};
    int len = BN_num_bytes(n);
    assert_true(len < 4095);
    assert_int_equal(BN_bn2bin(n, octets + 1), len);
    /* The zero in front of a number whose first bit is set. */
    bool padded = len != 0 && (octets[1] & 0x80) != 0;
    return weakkey_rsa(span_of(octets + (padded ? 0 : 1), (size_t)len + (padded ? 1 : 0)), exponent);
}

static BIGNUM *prime(int bits)
{
    BIGNUM *p = BN_new();
    assert_non_null(p);
    assert_int_equal(BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL), 1);
    return p;
}

static BIGNUM *next_prime(const BIGNUM *from, BN_CTX *ctx)
{
    BIGNUM *p = BN_dup(from);
    assert_non_null(p);
    if (!BN_is_odd(p))
        assert_int_equal(BN_add_word(p, 1), 1);
    while (BN_check_prime(p, ctx, NULL) != 1)
        assert_int_equal(BN_add_word(p, 2), 1);
    return p;
}

static BIGNUM *product(const BIGNUM *p, const BIGNUM *q, BN_CTX *ctx)
{
    BIGNUM *n = BN_new();
    assert_non_null(n);
    assert_int_equal(BN_mul(n, p, q, ctx), 1);
    return n;
}

/* As the chip does it: k * M + (65537^a mod M), M the product of the first 126 primes (for 2048 bits). */
static BIGNUM *chip_prime(unsigned start, BN_CTX *ctx)
{
    BIGNUM *m = BN_new();
    BIGNUM *p = BN_new();
    BIGNUM *base = BN_new();
    BIGNUM *a = BN_new();
    BIGNUM *k = BN_new();
    assert_non_null(k);
    assert_true(BN_set_word(m, 2) && BN_set_word(base, 65537) && BN_set_word(a, start));
    for (unsigned q = 3; q <= 701; q += 2) {
        unsigned d = 3;
        while (d * d <= q && q % d != 0)
            d += 2;
        if (d * d > q)
            assert_true(BN_mul_word(m, q));
    }
    do {
        assert_true(BN_add_word(a, 1) && BN_mod_exp(p, base, a, m, ctx));
        assert_true(BN_one(k) && BN_lshift(k, k, 1023 - BN_num_bits(m)) && BN_add_word(k, start));
        assert_true(BN_mul(k, k, m, ctx) && BN_add(p, p, k));
    } while (BN_check_prime(p, ctx, NULL) != 1);
    BN_free(m);
    BN_free(base);
    BN_free(a);
    BN_free(k);
    return p;
}

static void a_chip(void **state)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = chip_prime(1000, ctx);
    BIGNUM *q = chip_prime(7000000, ctx);
    BIGNUM *other = prime(1024);
    BIGNUM *n = product(p, q, ctx);
    BIGNUM *half = product(p, other, ctx);
    (void)state;
    assert_int_equal(judge(n, span_of(f4, sizeof f4)) & BIT(ROCA), BIT(ROCA));
    /* One of the two primes is not enough. */
    assert_int_equal(judge(half, span_of(f4, sizeof f4)) & BIT(ROCA), 0);
    BN_free(p);
    BN_free(q);
    BN_free(other);
    BN_free(n);
    BN_free(half);
    BN_CTX_free(ctx);
}

static void close_primes(void **state)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = prime(1024);
    BIGNUM *far = BN_new();
    BIGNUM *apart = BN_new();
    (void)state;
    assert_true(BN_copy(far, p) && BN_set_bit(apart, 500) && BN_add(far, far, apart));
    BIGNUM *q = next_prime(far, ctx);
    BN_zero(apart);
    assert_true(BN_set_bit(apart, 700) && BN_add(far, p, apart));
    BIGNUM *r = next_prime(far, ctx);
    BIGNUM *n = product(p, q, ctx);
    BIGNUM *square = product(p, p, ctx);
    BIGNUM *sound = product(p, r, ctx);
    assert_int_equal(judge(n, span_of(f4, sizeof f4)) & ~BIT(RSA_SHORT), BIT(RSA_CLOSE));
    assert_int_equal(judge(square, span_of(f4, sizeof f4)) & ~BIT(RSA_SHORT), BIT(RSA_CLOSE));
    assert_int_equal(judge(sound, span_of(f4, sizeof f4)) & ~BIT(RSA_SHORT), 0);
    BN_free(p);
    BN_free(q);
    BN_free(r);
    BN_free(n);
    BN_free(square);
    BN_free(sound);
    BN_free(far);
    BN_free(apart);
    BN_CTX_free(ctx);
}

static BIGNUM *modulus_of(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    BIGNUM *n = NULL;
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    EVP_PKEY_free(key);
    return n;
}

static void numbers(void **state)
{
    static const struct {
        const char *label;
        uint8_t exponent[9];
        size_t len;
        uint32_t found;
    } exponents[] = {
        {"F4", {1, 0, 1}, 3, 0},
        {"F4 with a zero in front", {0, 1, 0, 1}, 4, 0},
        {"larger", {1, 0, 0, 0, 0, 0, 0, 0, 1}, 9, 0},
        {"3", {3}, 1, BIT(RSA_EXPONENT_SMALL)},
        {"35", {35}, 1, BIT(RSA_EXPONENT_SMALL)},
        {"65535", {0, 0xff, 0xff}, 3, BIT(RSA_EXPONENT_SMALL)},
        {"1", {1}, 1, BIT(RSA_EXPONENT)},
        {"0", {0}, 1, BIT(RSA_EXPONENT)},
        {"even", {1, 0, 0}, 3, BIT(RSA_EXPONENT)},
        {"negative", {0xff, 0xff}, 2, BIT(RSA_EXPONENT)},
        {"none", {0}, 0, BIT(RSA_EXPONENT)},
    };
    BIGNUM *sound = modulus_of(2048);
    (void)state;
    for (size_t i = 0; i < countof(exponents); i++) {
        uint32_t found = judge(sound, span_of(exponents[i].exponent, exponents[i].len));
        if (found != exponents[i].found)
            fail_msg("exponent %s: %x", exponents[i].label, found);
    }
    BIGNUM *odd = BN_dup(sound);
    assert_true(BN_mul_word(odd, 9973));
    assert_int_equal(judge(odd, span_of(f4, sizeof f4)), BIT(RSA_FACTOR));
    assert_true(BN_copy(odd, sound) && BN_lshift1(odd, odd));
    assert_int_equal(judge(odd, span_of(f4, sizeof f4)), BIT(RSA_EVEN));
    BN_free(odd);
    BN_free(sound);

    BIGNUM *shorter = modulus_of(1024);
    assert_int_equal(judge(shorter, span_of(f4, sizeof f4)), BIT(RSA_SHORT));
    BN_free(shorter);
    BIGNUM *alone = prime(1024);
    assert_int_equal(judge(alone, span_of(f4, sizeof f4)), BIT(RSA_SHORT) | BIT(RSA_PRIME));
    BN_free(alone);
}

/* Numbers that want to cost us time, or trip us. */
static void hostile(void **state)
{
    static uint8_t huge[1 << 20];
    static const uint8_t negative[] = {0x80, 1};
    static const uint8_t one[] = {1};
    (void)state;
    memset(huge, 0x77, sizeof huge);
    huge[0] = 0;
    huge[sizeof huge - 1] = 0x79;
    uint32_t found = weakkey_rsa(span_of(huge, sizeof huge), span_of(f4, sizeof f4));
    assert_int_equal(found & (BIT(ROCA) | BIT(RSA_CLOSE) | BIT(RSA_PRIME) | BIT(RSA_SHORT)), 0);
    assert_int_equal(weakkey_rsa(span_of(huge, sizeof huge), span_of(huge, sizeof huge)) & BIT(RSA_EXPONENT),
                     0);
    assert_int_equal(weakkey_rsa(span_of(negative, 2), span_of(f4, sizeof f4)), BIT(RSA_EVEN));
    assert_int_equal(weakkey_rsa(SPAN_NONE, span_of(f4, sizeof f4)), BIT(UNREADABLE));
    assert_int_equal(weakkey_rsa(span_of(one, 1), SPAN_NONE),
                     BIT(RSA_EVEN) | BIT(RSA_SHORT) | BIT(RSA_EXPONENT));
}

static void curves(void **state)
{
    static const uint8_t p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static const uint8_t p384[] = {0x2b, 0x81, 0x04, 0x00, 0x22};
    static const uint8_t p521[] = {0x2b, 0x81, 0x04, 0x00, 0x23};
    static const uint8_t k256[] = {0x2b, 0x81, 0x04, 0x00, 0x0a};
    static const uint8_t p224[] = {0x2b, 0x81, 0x04, 0x00, 0x21};
    static const uint8_t nonsense[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x80};
    static const struct {
        const char *name;
        struct span oid;
        uint32_t found;
    } rows[] = {
        {"P-256", {p256, sizeof p256}, 0},
        {"P-384", {p384, sizeof p384}, 0},
        {"P-521", {p521, sizeof p521}, 0},
        {"secp256k1", {k256, sizeof k256}, BIT(EC_CURVE)},
        {"P-224", {p224, sizeof p224}, BIT(EC_CURVE)},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t point[256];
        size_t len = 0;
        EVP_PKEY *key = EVP_EC_gen(rows[i].name);
        assert_non_null(key);
        assert_int_equal(
            EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len), 1);
        assert_int_equal(weakkey_ec(rows[i].oid, span_of(point, len)), rows[i].found);
        point[len - 1] ^= 1; /* beside the curve */
        assert_int_equal(weakkey_ec(rows[i].oid, span_of(point, len)), rows[i].found | BIT(EC_POINT));
        point[len - 1] ^= 1;
        assert_int_equal(weakkey_ec(rows[i].oid, span_of(point, len - 1)), rows[i].found | BIT(EC_POINT));
        point[0] = 0; /* infinity */
        assert_int_equal(weakkey_ec(rows[i].oid, span_of(point, 1)), rows[i].found | BIT(EC_POINT));
        assert_int_equal(weakkey_ec(SPAN_NONE, span_of(point, len)), BIT(EC_CURVE));
        EVP_PKEY_free(key);
    }
    assert_int_equal(weakkey_ec(span_of(nonsense, sizeof nonsense), SPAN_NONE), BIT(EC_CURVE));
}

/* Digests by: printf 'Modulus=C0FFEE\\n' | sha1sum; printf '\\xc0\\xff\\xee' | sha1sum; and so on. */
static void fingerprints(void **state)
{
    static const uint8_t padded[] = {0, 0xc0, 0xff, 0xee};
    static const uint8_t half[] = {0x0a, 0x01};
    static const uint8_t line[] = {0x76, 0xa6, 0x69, 0x50, 0xd0, 0x44, 0xdc, 0x53, 0x70, 0x29,
                                   0x61, 0x49, 0xed, 0x99, 0x47, 0x57, 0x22, 0xf1, 0x3e, 0x18};
    static const uint8_t octets[] = {0x1c, 0x83, 0x5d, 0xeb, 0x84, 0x3e, 0x64, 0x21, 0xe5, 0xd8,
                                     0x72, 0x16, 0xf9, 0x7c, 0xfa, 0xa4, 0xc3, 0x2c, 0x52, 0x64};
    static const uint8_t half_line[] = {0x76, 0x64, 0xe6, 0x2e, 0xd7, 0xa5, 0xc5, 0x55, 0x9b, 0xf5,
                                        0xc0, 0xf4, 0xe0, 0x1c, 0x01, 0x67, 0x39, 0xf8, 0xee, 0xb3};
    uint8_t out[20];
    (void)state;
    weakkey_modulus_line_sha1(span_of(padded, sizeof padded), out);
    assert_memory_equal(out, line, 20);
    weakkey_modulus_sha1(span_of(padded, sizeof padded), out);
    assert_memory_equal(out, octets, 20);
    weakkey_modulus_line_sha1(span_of(half, sizeof half), out);
    assert_memory_equal(out, half_line, 20);
}

static void words(void **state)
{
    (void)state;
    for (int i = 0; i < WEAKKEY_COUNT; i++) {
        assert_true(strlen(weakkey_word((enum weakkey)i)) > 2);
        assert_true(strlen(weakkey_sentence((enum weakkey)i)) > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chip),       cmocka_unit_test(close_primes), cmocka_unit_test(numbers),
        cmocka_unit_test(hostile),      cmocka_unit_test(curves),       cmocka_unit_test(words),
        cmocka_unit_test(fingerprints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
