#include "parser/sigalg.h"

#include "parser/der.h"

bool sigalg_read(struct span algorithm, struct sigalg *out)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(algorithm, &ignored);
    struct der_item outer;
    struct der_item oid;

    *out = (struct sigalg){.id = OID_UNKNOWN};
    if (!der_expect(&in, DER_SEQUENCE, &outer))
        return false;
    out->whole = outer.whole;
    in = der_of(outer.value, &ignored);
    if (!der_expect(&in, DER_OID, &oid))
        return false;
    out->oid = oid.value;
    out->id = oid_find(oid.value);
    if (der_more(&in))
        out->params = span_of(in.at, der_left(&in));
    return true;
}

/* From behind one element to the end of another, in the same bytes. */
static struct span between(struct span before, struct span whole)
{
    const uint8_t *at;

    if (before.at == NULL || whole.at == NULL)
        return SPAN_NONE;
    at = before.at + before.len;
    return span_of(at, (size_t)(whole.at + whole.len - at));
}

bool sigalg_of_tbs(const struct cert *cert, struct sigalg *out)
{
    return sigalg_read(between(cert->serial, cert->tbs), out);
}

bool sigalg_of_signature(const struct cert *cert, struct sigalg *out)
{
    return sigalg_read(between(cert->tbs, cert->der), out);
}

static uint32_t small_number(struct span integer)
{
    uint32_t value = 0;

    if (integer.len == 0 || integer.len > 4 || integer.at[0] >= 0x80)
        return UINT32_MAX;
    for (size_t i = 0; i < integer.len; i++)
        value = value << 8 | integer.at[i];
    return value;
}

/* One of the explicitly tagged fields: the INTEGER in it. */
static bool read_number(struct der *in, uint8_t tag, uint32_t *value)
{
    struct der_item outer;
    struct der_item number;

    if (!der_optional(in, tag, &outer))
        return !in->failed;
    struct der inner = der_of(outer.value, in->findings);
    if (!der_expect(&inner, DER_INTEGER, &number) || !der_done(&inner))
        return false;
    *value = small_number(number.value);
    return *value != UINT32_MAX;
}

static bool read_mgf(struct der *in, struct sigalg_pss *out)
{
    struct der_item outer;
    struct sigalg mgf;
    struct sigalg hash;

    if (!der_optional(in, 0xa1, &outer))
        return !in->failed;
    if (!sigalg_read(outer.value, &mgf))
        return false;
    out->mgf_oid = mgf.oid;
    if (!sigalg_read(mgf.params, &hash))
        return false;
    out->mgf_hash_oid = hash.oid;
    out->mgf_hash = hash.id;
    return true;
}

bool sigalg_pss(struct span params, struct sigalg_pss *out)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(params, &ignored);
    struct der_item item;
    struct sigalg hash;

    *out = (struct sigalg_pss){
        .hash = OID_HASH_SHA1, .mgf_hash = OID_HASH_SHA1, .salt_length = 20, .trailer = 1};
    if (params.at == NULL)
        return true;
    if (!der_expect(&in, DER_SEQUENCE, &item) || !der_done(&in))
        return false;
    in = der_of(item.value, &ignored);
    if (der_optional(&in, 0xa0, &item)) {
        if (!sigalg_read(item.value, &hash))
            return false;
        out->hash_oid = hash.oid;
        out->hash = hash.id;
    }
    return read_mgf(&in, out) && read_number(&in, 0xa2, &out->salt_length) &&
           read_number(&in, 0xa3, &out->trailer) && der_done(&in);
}

static enum signing signing_pss(const struct cert *cert)
{
    struct sigalg algorithm;
    struct sigalg_pss pss;
    if (!sigalg_of_tbs(cert, &algorithm) || algorithm.params.at == NULL ||
        !sigalg_pss(algorithm.params, &pss))
        return SIGNING_OTHER;
    switch (pss.hash) {
    case OID_HASH_SHA1:
        return SIGNING_RSA_PSS_SHA1;
    case OID_HASH_SHA256:
        return SIGNING_RSA_PSS_SHA256;
    case OID_HASH_SHA384:
        return SIGNING_RSA_PSS_SHA384;
    case OID_HASH_SHA512:
        return SIGNING_RSA_PSS_SHA512;
    default:
        return SIGNING_OTHER;
    }
}

enum signing sigalg_signing(const struct cert *cert)
{
    static const uint8_t codes[OID_COUNT] = {
        [OID_SIG_RSA_MD2] = SIGNING_RSA_MD2,           [OID_SIG_RSA_MD5] = SIGNING_RSA_MD5,
        [OID_SIG_RSA_SHA1] = SIGNING_RSA_SHA1,         [OID_SIG_RSA_SHA224] = SIGNING_RSA_SHA224,
        [OID_SIG_RSA_SHA256] = SIGNING_RSA_SHA256,     [OID_SIG_RSA_SHA384] = SIGNING_RSA_SHA384,
        [OID_SIG_RSA_SHA512] = SIGNING_RSA_SHA512,     [OID_SIG_ECDSA_SHA1] = SIGNING_ECDSA_SHA1,
        [OID_SIG_ECDSA_SHA224] = SIGNING_ECDSA_SHA224, [OID_SIG_ECDSA_SHA256] = SIGNING_ECDSA_SHA256,
        [OID_SIG_ECDSA_SHA384] = SIGNING_ECDSA_SHA384, [OID_SIG_ECDSA_SHA512] = SIGNING_ECDSA_SHA512,
        [OID_SIG_DSA_SHA1] = SIGNING_DSA_SHA1,         [OID_SIG_DSA_SHA256] = SIGNING_DSA_SHA256,
        [OID_KEY_ED25519] = SIGNING_ED25519,           [OID_KEY_ED448] = SIGNING_ED448,
        [OID_KEY_ML_DSA_44] = SIGNING_ML_DSA,          [OID_KEY_ML_DSA_65] = SIGNING_ML_DSA,
        [OID_KEY_ML_DSA_87] = SIGNING_ML_DSA,
    };
    enum oid id = oid_find(cert->tbs_sig_oid);
    if (id == OID_KEY_RSA_PSS)
        return signing_pss(cert);
    return codes[id] != 0 ? (enum signing)codes[id] : SIGNING_OTHER;
}
