#include "verify/weakkey.h"

#include <limits.h>
#include <pthread.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "base/limits.h"

#define BIT(flaw)    (UINT32_C(1) << WEAKKEY_##flaw)
#define SMALL_MAX    10000 /* BR 6.1.6 asks for 752; bits that flipped on disk give larger ones, too */
#define FERMAT_STEPS 100
#define SHORT_BITS   2048
#define PRIME_BITS   4096 /* one round of the test for longer ones takes too long */
#define OID_MAX      64

static const struct {
    const char *word;
    const char *sentence;
} flaws[] = {
#define X(name, word, sentence) {word, sentence},
#include "verify/weakkey.def"
#undef X
};

const char *weakkey_word(enum weakkey flaw)
{
    return flaws[flaw].word;
}

const char *weakkey_sentence(enum weakkey flaw)
{
    return flaws[flaw].sentence;
}

static bool is_prime(unsigned number)
{
    for (unsigned i = 3; i * i <= number; i += 2)
        if (number % i == 0)
            return false;
    return true;
}

/* Products of neighbouring odd primes: one long division tells of all factors of a product. */
#define PRODUCTS_MAX 1000
static struct {
    unsigned product[PRODUCTS_MAX];
    size_t count;
} primes;

static void make_products(void)
{
    unsigned product = 1;
    for (unsigned p = 3; p < SMALL_MAX; p += 2) {
        if (!is_prime(p))
            continue;
        if (product > UINT_MAX / p) {
            must(primes.count + 1 < PRODUCTS_MAX);
            primes.product[primes.count++] = product;
            product = 1;
        }
        product *= p;
    }
    primes.product[primes.count++] = product;
}

static bool shares_factor(unsigned a, unsigned b)
{
    while (b != 0) {
        unsigned rest = a % b;
        a = b;
        b = rest;
    }
    return a != 1;
}

static bool has_small_factor(const BIGNUM *n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    must(pthread_once(&once, make_products) == 0);
    if (BN_num_bits(n) <= 14 && is_prime((unsigned)BN_get_word(n)))
        return false;
    for (size_t i = 0; i < primes.count; i++)
        if (shares_factor(primes.product[i], (unsigned)BN_mod_word(n, primes.product[i])))
            return true;
    return false;
}

/* Is `rest` a power of 65537 modulo `prime`? Where these powers are everything, that says nothing. */
static bool is_power(unsigned rest, unsigned prime)
{
    unsigned power = 1;
    do {
        if (power == rest)
            return true;
        power = power * (65537 % prime) % prime;
    } while (power != 1);
    return false;
}

/* The chip made primes p = k * M + (65537^a mod M), M the product of the first primes (Nemec et al., "The
 * Return of Coppersmith's Attack", 2017, section 2). So the modulus is a power of 65537 modulo each of them,
 * which one in 2^27 other numbers of the right form is. */
static bool is_roca(const BIGNUM *n)
{
    for (unsigned p = 3; p <= 167; p += 2)
        if (is_prime(p) && !is_power((unsigned)BN_mod_word(n, p), p))
            return false;
    return true;
}

/* *root = floor(sqrt(n)) by Newton's method from above. */
static bool square_root(const BIGNUM *n, BIGNUM *root, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *next = BN_CTX_get(ctx);
    bool good = next != NULL && BN_one(root) && BN_lshift(root, root, (BN_num_bits(n) + 1) / 2);
    while (good) {
        good = BN_div(next, NULL, n, root, ctx) && BN_add(next, next, root) && BN_rshift1(next, next);
        if (!good || BN_cmp(next, root) >= 0)
            break;
        good = BN_copy(root, next) != NULL;
    }
    BN_CTX_end(ctx);
    return good;
}

#define SQUARE_PRIMES (7u * 9 * 11 * 13 * 17)

/* A number by what it leaves modulo 64 and modulo SQUARE_PRIMES; of 256 other numbers about one passes and
 * needs a root. */
static bool may_be_square(unsigned of_64, unsigned of_primes)
{
    static const uint64_t rests_64 = UINT64_C(0x0202021202030213);
    static const struct {
        unsigned prime;
        uint32_t rests;
    } odd[] = {{7, 0x17}, {9, 0x93}, {11, 0x23b}, {13, 0x161b}, {17, 0x1a317}};
    if ((rests_64 >> of_64 & 1) == 0)
        return false;
    for (size_t i = 0; i < countof(odd); i++)
        if ((odd[i].rests >> of_primes % odd[i].prime & 1) == 0)
            return false;
    return true;
}

/* What a^2 - n leaves, from what both leave. */
static unsigned rest_of(uint64_t a, uint64_t n, uint64_t modulus)
{
    a %= modulus;
    return (unsigned)((a * a % modulus + modulus - n) % modulus);
}

/* Is (a + i)^2 - n a square for an i from 1 on? Long numbers are only touched where the rests allow it. */
static bool is_difference(const BIGNUM *a, const BIGNUM *n, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *rest = BN_CTX_get(ctx);
    BIGNUM *root = BN_CTX_get(ctx);
    BIGNUM *square = BN_CTX_get(ctx);
    const uint64_t a_of[] = {BN_mod_word(a, 64), BN_mod_word(a, SQUARE_PRIMES)};
    const uint64_t n_of[] = {BN_mod_word(n, 64), BN_mod_word(n, SQUARE_PRIMES)};
    bool good = square != NULL;
    bool found = false;
    for (unsigned i = 1; good && !found && i <= FERMAT_STEPS; i++) {
        if (!may_be_square(rest_of(a_of[0] + i, n_of[0], 64), rest_of(a_of[1] + i, n_of[1], SQUARE_PRIMES)))
            continue;
        good = BN_copy(rest, a) != NULL && BN_add_word(rest, i) && BN_sqr(rest, rest, ctx) &&
               BN_sub(rest, rest, n);
        found =
            good && square_root(rest, root, ctx) && BN_sqr(square, root, ctx) && BN_cmp(square, rest) == 0;
    }
    BN_CTX_end(ctx);
    return found;
}

/* Fermat: a modulus whose primes are close is a^2 - b^2 for an a just above its root. */
static bool has_close_primes(const BIGNUM *n, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *a = BN_CTX_get(ctx);
    BIGNUM *square = BN_CTX_get(ctx);
    bool close = square != NULL && square_root(n, a, ctx) && BN_sqr(square, a, ctx) &&
                 (BN_cmp(square, n) == 0 || is_difference(a, n, ctx));
    BN_CTX_end(ctx);
    return close;
}

/* Fermat's test to the base 2, a third of the work of one round of the other. Every prime passes, so what
 * fails is certainly none and needs no rounds; next to nothing else passes. */
static bool may_be_prime(const BIGNUM *n, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *less = BN_CTX_get(ctx);
    BIGNUM *power = BN_CTX_get(ctx);
    bool good = power != NULL && BN_copy(less, n) != NULL && BN_sub_word(less, 1) &&
                BN_mod_exp_mont_word(power, 2, less, n, ctx, NULL);
    bool may = !good || BN_is_one(power);
    BN_CTX_end(ctx);
    return may;
}

static uint32_t judge_numbers(const BIGNUM *n, BN_CTX *ctx)
{
    uint32_t found = BN_num_bits(n) < SHORT_BITS ? BIT(RSA_SHORT) : 0;
    if (!BN_is_odd(n) || BN_is_one(n))
        return found | BIT(RSA_EVEN);
    if (has_small_factor(n))
        return found | BIT(RSA_FACTOR);
    if (BN_num_bits(n) > LIMIT_WEAKKEY_BITS)
        return found;
    /* Numbers of a few bits are a power of anything. */
    if (BN_num_bits(n) >= 256 && is_roca(n))
        found |= BIT(ROCA);
    if (has_close_primes(n, ctx))
        return found | BIT(RSA_CLOSE);
    if (BN_num_bits(n) <= PRIME_BITS && may_be_prime(n, ctx) && BN_check_prime(n, ctx, NULL) == 1)
        found |= BIT(RSA_PRIME);
    return found;
}

static bool is_negative(struct span integer)
{
    return integer.len != 0 && (integer.at[0] & 0x80) != 0;
}

/* Zeros in front do not make it longer. */
static uint64_t small_value(struct span integer)
{
    uint64_t value = 0;
    for (size_t i = 0; i < integer.len; i++) {
        if (value > UINT64_MAX >> 8)
            return UINT64_MAX;
        value = value << 8 | integer.at[i];
    }
    return value;
}

static uint32_t judge_exponent(struct span exponent)
{
    if (exponent.len == 0 || is_negative(exponent) || (exponent.at[exponent.len - 1] & 1) == 0 ||
        small_value(exponent) < 3)
        return BIT(RSA_EXPONENT);
    return small_value(exponent) < 65537 ? BIT(RSA_EXPONENT_SMALL) : 0;
}

uint32_t weakkey_rsa(struct span modulus, struct span exponent)
{
    uint32_t found = judge_exponent(exponent);
    if (modulus.len == 0 || modulus.len > INT_MAX)
        return found | BIT(UNREADABLE);
    if (is_negative(modulus))
        return found | BIT(RSA_EVEN);
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_bin2bn(modulus.at, (int)modulus.len, NULL);
    must(ctx != NULL && n != NULL);
    found |= BN_is_zero(n) ? BIT(RSA_EVEN) | BIT(RSA_SHORT) : judge_numbers(n, ctx);
    BN_free(n);
    BN_CTX_free(ctx);
    ERR_clear_error();
    return found;
}

static int curve_nid(struct span curve)
{
    uint8_t der[2 + OID_MAX] = {0x06};
    const unsigned char *at = der;
    if (curve.len == 0 || curve.len > OID_MAX)
        return NID_undef;
    der[1] = (uint8_t)curve.len;
    memcpy(der + 2, curve.at, curve.len);
    ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)(2 + curve.len));
    int nid = object == NULL ? NID_undef : OBJ_obj2nid(object);
    ASN1_OBJECT_free(object);
    return nid;
}

static bool is_on(const EC_GROUP *group, struct span bits)
{
    EC_POINT *point = EC_POINT_new(group);
    must(point != NULL);
    bool good = bits.len != 0 && EC_POINT_oct2point(group, point, bits.at, bits.len, NULL) == 1 &&
                EC_POINT_is_at_infinity(group, point) == 0 && EC_POINT_is_on_curve(group, point, NULL) == 1;
    EC_POINT_free(point);
    return good;
}

uint32_t weakkey_ec(struct span curve, struct span point)
{
    int nid = curve_nid(curve);
    bool usual = nid == NID_X9_62_prime256v1 || nid == NID_secp384r1 || nid == NID_secp521r1;
    uint32_t found = usual ? 0 : BIT(EC_CURVE);
    EC_GROUP *group = nid == NID_undef ? NULL : EC_GROUP_new_by_curve_name(nid);
    if (group != NULL && !is_on(group, point))
        found |= BIT(EC_POINT);
    EC_GROUP_free(group);
    ERR_clear_error();
    return found;
}

static struct span without_zeros(struct span integer)
{
    size_t zeros = 0;
    while (zeros < integer.len && integer.at[zeros] == 0)
        zeros++;
    return span_part(integer, zeros, integer.len);
}

static void add(EVP_MD_CTX *ctx, const void *bytes, size_t len)
{
    must(EVP_DigestUpdate(ctx, bytes, len) == 1);
}

static EVP_MD_CTX *begin_sha1(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1);
    return ctx;
}

void weakkey_modulus_line_sha1(struct span modulus, uint8_t out[20])
{
    static const char digits[] = "0123456789ABCDEF";
    EVP_MD_CTX *ctx = begin_sha1();
    struct span octets = without_zeros(modulus);
    add(ctx, "Modulus=", 8);
    for (size_t i = 0; i < octets.len; i++) {
        const char pair[2] = {digits[octets.at[i] >> 4], digits[octets.at[i] & 15]};
        /* Nor a zero digit in front. */
        bool half = i == 0 && pair[0] == '0';
        add(ctx, pair + (half ? 1 : 0), half ? 1 : 2);
    }
    if (octets.len == 0)
        add(ctx, "0", 1);
    add(ctx, "\n", 1);
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
    EVP_MD_CTX_free(ctx);
}

void weakkey_modulus_sha1(struct span modulus, uint8_t out[20])
{
    EVP_MD_CTX *ctx = begin_sha1();
    struct span octets = without_zeros(modulus);
    if (octets.len != 0)
        add(ctx, octets.at, octets.len);
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
    EVP_MD_CTX_free(ctx);
}
