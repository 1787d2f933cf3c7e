#include "parser/spki.h"

#include "parser/der.h"
#include "parser/oid.h"

static uint32_t bit_length(struct span integer)
{
    size_t i = 0;
    uint32_t bits = 0;

    while (i < integer.len && integer.at[i] == 0)
        i++;
    if (i == integer.len || integer.len - i > UINT32_MAX / 8 - 8)
        return 0;
    for (unsigned top = integer.at[i]; top != 0; top >>= 1)
        bits++;
    return bits + (uint32_t)(integer.len - i - 1) * 8;
}

static uint32_t curve_bits(enum oid curve)
{
    switch (curve) {
    case OID_CURVE_P192:
        return 192;
    case OID_CURVE_P224:
        return 224;
    case OID_CURVE_P256:
    case OID_CURVE_K256:
    case OID_CURVE_SM2:
    case OID_CURVE_BP256:
    case OID_CURVE_BP256T:
        return 256;
    case OID_CURVE_BP320:
        return 320;
    case OID_CURVE_B283K:
        return 281;
    case OID_CURVE_B283R:
        return 282;
    case OID_CURVE_P384:
    case OID_CURVE_BP384:
    case OID_CURVE_BP384T:
        return 384;
    case OID_CURVE_BP512:
    case OID_CURVE_BP512T:
        return 512;
    case OID_CURVE_P521:
        return 521;
    default:
        return 0;
    }
}

/* ECParameters written out (X9.62): SEQUENCE { version, FieldID { OID, prime }, ... }. */
static uint32_t field_bits(struct span params, struct finding_set *findings)
{
    struct der in = der_of(params, findings);
    struct der_item item;
    struct der_item field;

    if (!der_expect(&in, DER_SEQUENCE, &item))
        return 0;
    in = der_of(item.value, findings);
    if (!der_expect(&in, DER_INTEGER, &item) || !der_expect(&in, DER_SEQUENCE, &field))
        return 0;
    in = der_of(field.value, findings);
    if (!der_expect(&in, DER_OID, &item) || !der_expect(&in, DER_INTEGER, &item))
        return 0;
    return bit_length(item.value);
}

static void read_ec(struct cert *cert, struct span params, struct span key)
{
    struct der in = der_of(params, &cert->findings);
    struct der_item item;

    cert->key_alg = CERT_KEY_EC;
    if (der_optional(&in, DER_OID, &item)) {
        cert->curve_oid = item.value;
        cert->key_bits = curve_bits(oid_find(item.value));
    } else {
        cert->key_bits = field_bits(params, &cert->findings);
    }
    /* An unknown curve: a point is two coordinates behind its form octet, or one when compressed. */
    if (cert->key_bits == 0 && key.len > 1 && key.len < 1024)
        cert->key_bits = (uint32_t)((key.len - 1) / (key.at[0] == 4 ? 2 : 1)) * 8;
}

/* RSAPublicKey: SEQUENCE { modulus, exponent }. */
static void read_rsa(struct cert *cert, struct span key)
{
    struct der in = der_of(key, &cert->findings);
    struct der_item item;
    struct der_item modulus;

    if (!der_expect(&in, DER_SEQUENCE, &item)) {
        finding_add(&cert->findings, FINDING_SPKI_UNREADABLE);
        return;
    }
    in = der_of(item.value, &cert->findings);
    if (!der_expect(&in, DER_INTEGER, &modulus) || !der_expect(&in, DER_INTEGER, &item)) {
        finding_add(&cert->findings, FINDING_SPKI_UNREADABLE);
        return;
    }
    cert->key_bits = bit_length(modulus.value);
}

/* Dss-Parms and DH parameters both begin with the prime. */
static uint32_t prime_bits(struct cert *cert, struct span params)
{
    struct der in = der_of(params, &cert->findings);
    struct der_item item;

    if (!der_expect(&in, DER_SEQUENCE, &item))
        return 0;
    in = der_of(item.value, &cert->findings);
    return der_expect(&in, DER_INTEGER, &item) ? bit_length(item.value) : 0;
}

static void read_key(struct cert *cert, struct span params, struct span key)
{
    switch (oid_find(cert->key_oid)) {
    case OID_KEY_RSA:
    case OID_KEY_RSA_X500:
        cert->key_alg = CERT_KEY_RSA;
        read_rsa(cert, key);
        break;
    case OID_KEY_RSA_PSS:
        cert->key_alg = CERT_KEY_RSA_PSS;
        read_rsa(cert, key);
        break;
    case OID_KEY_EC:
        read_ec(cert, params, key);
        break;
    case OID_KEY_ED25519:
        cert->key_alg = CERT_KEY_ED25519;
        cert->key_bits = 256;
        break;
    case OID_KEY_ED448:
        cert->key_alg = CERT_KEY_ED448;
        cert->key_bits = 456;
        break;
    case OID_KEY_X25519:
        cert->key_bits = 253;
        break;
    case OID_KEY_X448:
        cert->key_bits = 448;
        break;
    case OID_KEY_DSA:
        cert->key_alg = CERT_KEY_DSA;
        cert->key_bits = prime_bits(cert, params);
        break;
    case OID_KEY_DH:
        cert->key_bits = prime_bits(cert, params);
        break;
    case OID_KEY_ML_DSA_44:
    case OID_KEY_ML_DSA_65:
    case OID_KEY_ML_DSA_87:
        cert->key_alg = CERT_KEY_ML_DSA;
        break;
    default:
        break;
    }
}

void spki_read(struct cert *cert)
{
    struct der in = der_of(cert->spki, &cert->findings);
    struct der_item item;
    struct der_item alg;
    struct der_item oid;
    struct der_item key;

    if (!der_expect(&in, DER_SEQUENCE, &item)) {
        finding_add(&cert->findings, FINDING_SPKI_UNREADABLE);
        return;
    }
    in = der_of(item.value, &cert->findings);
    if (!der_expect(&in, DER_SEQUENCE, &alg)) {
        finding_add(&cert->findings, FINDING_SPKI_UNREADABLE);
        return;
    }
    struct der alg_in = der_of(alg.value, &cert->findings);
    if (der_expect(&alg_in, DER_OID, &oid))
        cert->key_oid = oid.value;
    if (alg_in.failed || !der_expect(&in, DER_BIT_STRING, &key) || key.value.len == 0) {
        finding_add(&cert->findings, FINDING_SPKI_UNREADABLE);
        return;
    }
    read_key(cert, span_of(alg_in.at, der_left(&alg_in)), span_of(key.value.at + 1, key.value.len - 1));
}

bool spki_open(const struct cert *cert, struct spki_key *key)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(cert->spki, &ignored);
    struct der_item item;
    struct der_item part;

    *key = (struct spki_key){.unused = 0};
    if (!der_expect(&in, DER_SEQUENCE, &item))
        return false;
    in = der_of(item.value, &ignored);
    if (!der_expect(&in, DER_SEQUENCE, &item))
        return false;
    key->algorithm = item.whole;
    struct der alg = der_of(item.value, &ignored);
    if (!der_expect(&alg, DER_OID, &part) || !der_expect(&in, DER_BIT_STRING, &item) || item.value.len == 0)
        return false;
    if (der_more(&alg))
        key->params = span_of(alg.at, der_left(&alg));
    key->unused = item.value.at[0];
    key->bits = span_part(item.value, 1, item.value.len);
    if (cert->key_alg != CERT_KEY_RSA && cert->key_alg != CERT_KEY_RSA_PSS)
        return der_done(&in);
    struct der numbers = der_of(key->bits, &ignored);
    if (!der_expect(&numbers, DER_SEQUENCE, &part) || !der_done(&numbers))
        return false;
    numbers = der_of(part.value, &ignored);
    if (!der_expect(&numbers, DER_INTEGER, &part))
        return false;
    key->modulus = part.value;
    if (!der_expect(&numbers, DER_INTEGER, &part))
        return false;
    key->exponent = part.value;
    return der_done(&numbers) && der_done(&in);
}

const char *spki_alg_name(const struct cert *cert)
{
    const char *name = cert->key_oid.len == 0 ? NULL : oid_short(oid_find(cert->key_oid));

    if (cert->key_alg == CERT_KEY_UNKNOWN || cert->key_alg == CERT_KEY_ML_DSA)
        return name;
    return cert_key_alg_name(cert->key_alg);
}
