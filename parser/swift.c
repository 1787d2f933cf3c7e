#include "parser/swift.h"

#include "parser/der.h"
#include "parser/ext.h"
#include "parser/oid.h"
#include "parser/spki.h"
#include "parser/when.h"

/* All of it becomes one function: what is not inlined is read from memory again and again. */
#define INLINE static inline __attribute__((always_inline))

/* The last octets of the identifiers (oid.def), which tell them apart among those of the same length. */
enum tail {
#define X(name, length, tail, bytes, dotted, short_name) TAIL_##name = (int)((tail)&0x7fffffff),
#include "parser/oid.def"
#undef X
};

/* The rows again, where the compiler can see them: a comparison with one of them becomes one with constants.
 */
#define KNOWN_MAX 16

static const struct {
    uint8_t len;
    uint8_t bytes[KNOWN_MAX + 1];
} known[OID_COUNT] = {
    {0, ""},
#define X(name, length, tail, bytes, dotted, short_name) {sizeof(bytes) - 1, bytes},
#include "parser/oid.def"
#undef X
};

/* Two loads of fixed size, which may overlap, cover 4 to KNOWN_MAX octets. */
INLINE bool same_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (len >= 8)
        return memcmp(a, b, 8) == 0 && memcmp(a + len - 8, b + len - 8, 8) == 0;
    return len >= 4 && memcmp(a, b, 4) == 0 && memcmp(a + len - 4, b + len - 4, 4) == 0;
}

/* Whether oid_find would say `row`. */
INLINE bool is(struct span oid, enum oid row)
{
    return oid.len == known[row].len && same_bytes(oid.at, known[row].bytes, known[row].len);
}

struct pos {
    const uint8_t *at;
    const uint8_t *end;
};

INLINE struct pos pos_of(struct span bytes)
{
    return (struct pos){bytes.at, bytes.at + bytes.len};
}

/* The content of the next element, when its tag is `tag` and its length has the shortest form of up to two
 * octets. */
INLINE bool take(struct pos *in, uint8_t tag, struct span *value)
{
    const uint8_t *at = in->at;
    size_t left = (size_t)(in->end - at);
    size_t len;

    if (left < 2 || at[0] != tag)
        return false;
    len = at[1];
    at += 2;
    left -= 2;
    if (len >= 0x80) {
        if (len == 0x82 && left >= 2 && at[0] != 0) {
            len = (size_t)at[0] << 8 | at[1];
            at += 2;
            left -= 2;
        } else if (len == 0x81 && left >= 1 && at[0] >= 0x80) {
            len = at[0];
            at += 1;
            left -= 1;
        } else {
            return false;
        }
    }
    if (len > left)
        return false;
    *value = (struct span){at, len};
    in->at = at + len;
    return true;
}

/* The same for elements that are never long. */
INLINE bool take_short(struct pos *in, uint8_t tag, struct span *value)
{
    const uint8_t *at = in->at;
    size_t left = (size_t)(in->end - at);

    if (left < 2 || at[0] != tag || at[1] >= 0x80 || at[1] > left - 2)
        return false;
    *value = (struct span){at + 2, at[1]};
    in->at = at + 2 + at[1];
    return true;
}

/* The one element that all of `bytes` are. */
INLINE bool take_all(struct span bytes, uint8_t tag, struct span *value)
{
    struct pos in = pos_of(bytes);

    return take(&in, tag, value) && in.at == in.end;
}

INLINE struct span from(const uint8_t *begin, const struct pos *in)
{
    return (struct span){begin, (size_t)(in->at - begin)};
}

INLINE bool take_algorithm(struct pos *in, struct span *oid)
{
    struct span value;

    if (!take_short(in, DER_SEQUENCE, &value))
        return false;
    struct pos inner = pos_of(value);
    return take_short(&inner, DER_OID, oid);
}

INLINE bool take_name(struct pos *in, struct span *whole)
{
    const uint8_t *begin = in->at;
    struct span value;
    struct span rdn;

    if (!take(in, DER_SEQUENCE, &value))
        return false;
    *whole = from(begin, in);
    struct pos rdns = pos_of(value);
    while (rdns.at != rdns.end) {
        if (!take(&rdns, DER_SET, &rdn) || rdn.len == 0)
            return false;
    }
    return true;
}

INLINE bool take_serial(struct pos *in, struct span *serial)
{
    if (!take_short(in, DER_INTEGER, serial) || serial->len == 0 || serial->len > 20)
        return false;
    if (serial->at[0] != 0)
        return serial->at[0] < 0x80;
    return serial->len > 1 && serial->at[1] >= 0x80;
}

INLINE bool take_time(struct pos *in, int64_t *unix_s)
{
    struct span text;
    uint8_t tag = in->at != in->end ? *in->at : 0;

    return take_short(in, tag, &text) && when_read(tag, text, unix_s) == WHEN_OK;
}

INLINE bool take_validity(struct pos *in, struct cert *cert)
{
    struct span value;

    if (!take_short(in, DER_SEQUENCE, &value))
        return false;
    struct pos times = pos_of(value);
    return take_time(&times, &cert->not_before) && take_time(&times, &cert->not_after) &&
           times.at == times.end && cert->not_before <= cert->not_after;
}

INLINE bool usual_rsa(struct cert *cert, struct span key)
{
    struct span list;
    struct span modulus;
    struct span exponent;

    if (!take_all(key, DER_SEQUENCE, &list))
        return false;
    struct pos in = pos_of(list);
    if (!take(&in, DER_INTEGER, &modulus) || !take_short(&in, DER_INTEGER, &exponent) || modulus.len < 2 ||
        modulus.len > 4096 || modulus.at[0] != 0 || modulus.at[1] < 0x80)
        return false;
    cert->key_alg = CERT_KEY_RSA;
    cert->key_bits = (uint32_t)(modulus.len - 1) * 8;
    return true;
}

INLINE bool usual_ec(struct cert *cert, struct pos *params)
{
    struct span curve;

    if (!take_short(params, DER_OID, &curve))
        return false;
    bool p256 = is(curve, OID_CURVE_P256);
    if (!p256 && !is(curve, OID_CURVE_P384))
        return false;
    cert->curve_oid = curve;
    cert->key_alg = CERT_KEY_EC;
    cert->key_bits = p256 ? 256 : 384;
    return true;
}

INLINE bool usual_key(struct cert *cert, struct span value)
{
    struct pos in = pos_of(value);
    struct span alg;
    struct span key;

    if (!take_short(&in, DER_SEQUENCE, &alg) || !take(&in, DER_BIT_STRING, &key) || key.len == 0)
        return false;
    struct pos params = pos_of(alg);
    if (!take_short(&params, DER_OID, &cert->key_oid))
        return false;
    if (is(cert->key_oid, OID_KEY_EC))
        return usual_ec(cert, &params);
    return is(cert->key_oid, OID_KEY_RSA) && usual_rsa(cert, (struct span){key.at + 1, key.len - 1});
}

INLINE bool take_spki(struct pos *in, struct cert *cert)
{
    const uint8_t *begin = in->at;
    struct span value;

    if (!take(in, DER_SEQUENCE, &value))
        return false;
    cert->spki = from(begin, in);
    if (usual_key(cert, value))
        return true;
    spki_read(cert);
    return finding_none(&cert->findings);
}

INLINE bool usual_eku(struct cert *cert, struct span value)
{
    struct span list;
    struct span oid;

    cert->eku = value;
    cert->flags |= CERT_HAS_EKU;
    if (!take_all(value, DER_SEQUENCE, &list))
        return false;
    for (struct pos in = pos_of(list); in.at != in.end;) {
        if (!take_short(&in, DER_OID, &oid))
            return false;
        if (is(oid, OID_EKU_SERVER_AUTH))
            cert->flags |= CERT_SERVER_AUTH;
        else if (is(oid, OID_EKU_CLIENT_AUTH))
            cert->flags |= CERT_CLIENT_AUTH;
        else if (is(oid, OID_EKU_ANY) || is(oid, OID_EKU_PRECERT_SIGNING))
            return false;
    }
    return true;
}

INLINE uint32_t policy_flag(struct span oid)
{
    /* The ones that matter are below 2.23, and have five or six octets. */
    if (oid.len < 5 || oid.at[0] != 0x67)
        return 0;
    return is(oid, OID_POLICY_DV)   ? CERT_POLICY_DV
           : is(oid, OID_POLICY_OV) ? CERT_POLICY_OV
           : is(oid, OID_POLICY_EV) ? CERT_POLICY_EV
           : is(oid, OID_POLICY_IV) ? CERT_POLICY_IV
                                    : 0u;
}

INLINE bool usual_policies(struct cert *cert, struct span value)
{
    struct span list;
    struct span policy;
    struct span oid;

    cert->policies = value;
    if (!take_all(value, DER_SEQUENCE, &list))
        return false;
    for (struct pos in = pos_of(list); in.at != in.end;) {
        if (!take(&in, DER_SEQUENCE, &policy))
            return false;
        struct pos inner = pos_of(policy);
        if (!take_short(&inner, DER_OID, &oid))
            return false;
        cert->flags |= policy_flag(oid);
    }
    return true;
}

INLINE bool usual_aki(struct cert *cert, struct span value)
{
    struct span list;

    cert->aki = value;
    return take_all(value, DER_SEQUENCE, &list) && take_all(list, 0x80, &cert->aki_key_id);
}

INLINE bool usual_key_usage(struct cert *cert, struct span value)
{
    struct span bits;

    cert->key_usage = value;
    if (!take_all(value, DER_BIT_STRING, &bits) || bits.len != 2)
        return false;
    cert->key_usage_bits = (uint16_t)(bits.at[1] << 8);
    return true;
}

INLINE bool usual_basic_constraints(struct cert *cert, struct span value)
{
    static const uint8_t ca[5] = {DER_SEQUENCE, 3, DER_BOOLEAN, 1, 0xff};
    static const uint8_t ca_of_depth[7] = {DER_SEQUENCE, 6, DER_BOOLEAN, 1, 0xff, DER_INTEGER, 1};

    cert->flags |= CERT_HAS_BC;
    if (value.len == 2)
        return value.at[0] == DER_SEQUENCE && value.at[1] == 0;
    if (value.len == sizeof ca && memcmp(value.at, ca, sizeof ca) == 0) {
        cert->flags |= CERT_IS_CA;
        return true;
    }
    if (value.len != 8 || memcmp(value.at, ca_of_depth, sizeof ca_of_depth) != 0 || value.at[7] >= 0x80)
        return false;
    cert->flags |= CERT_IS_CA;
    cert->path_len = value.at[7];
    return true;
}

INLINE bool usual_poison(struct cert *cert, struct span value, bool critical)
{
    cert->flags |= critical ? CERT_POISON : 0u;
    return critical && value.len == 2 && value.at[0] == DER_NULL && value.at[1] == 0;
}

/* That every SCT of version 1 is framed as it must be: what a walk with parser/sctlist.h would find, without
 * taking it apart. */
INLINE bool usual_scts(struct cert *cert, struct span value)
{
    /* version, log, time; the length of the extensions; hash, signature algorithm */
    enum { FIXED = 1 + 32 + 8, ALGORITHMS = 2 };
    struct span list;

    cert->sct_list = value;
    if (!take_all(value, DER_OCTET_STRING, &list) || list.len <= 2 ||
        ((size_t)list.at[0] << 8 | list.at[1]) != list.len - 2)
        return false;
    const uint8_t *at = list.at + 2;
    const uint8_t *end = list.at + list.len;
    while (at != end) {
        if (end - at < 2 + FIXED + 2 + ALGORITHMS + 2 || at[2] != 0)
            return false;
        size_t left = (size_t)(end - at) - 2;
        size_t sct = (size_t)at[0] << 8 | at[1];
        size_t exts = (size_t)at[2 + FIXED] << 8 | at[2 + FIXED + 1];
        size_t before = FIXED + 2 + exts + ALGORITHMS;
        if (sct > left || before + 2 > sct ||
            before + 2 + ((size_t)at[2 + before] << 8 | at[2 + before + 1]) != sct)
            return false;
        at += 2 + sct;
    }
    return true;
}

/* oid_find with a shorter way for 2.5.29.X, which most extensions are. */
INLINE enum oid find_ext(struct span oid)
{
    if (oid.len != 3)
        return is(oid, OID_EXT_AIA)        ? OID_EXT_AIA
               : is(oid, OID_EXT_SCT_LIST) ? OID_EXT_SCT_LIST
                                           : oid_find(oid);
    /* With the length octet before them they are one load. */
    switch ((oid.at[-1] << 24 | oid.at[0] << 16 | oid.at[1] << 8 | oid.at[2]) & 0xffffff) {
    case TAIL_EXT_SAN:
        return OID_EXT_SAN;
    case TAIL_EXT_BASIC_CONSTRAINTS:
        return OID_EXT_BASIC_CONSTRAINTS;
    case TAIL_EXT_KEY_USAGE:
        return OID_EXT_KEY_USAGE;
    case TAIL_EXT_EKU:
        return OID_EXT_EKU;
    case TAIL_EXT_POLICIES:
        return OID_EXT_POLICIES;
    case TAIL_EXT_AUTHORITY_KEY_ID:
        return OID_EXT_AUTHORITY_KEY_ID;
    case TAIL_EXT_SUBJECT_KEY_ID:
        return OID_EXT_SUBJECT_KEY_ID;
    case TAIL_EXT_CRL_POINTS:
        return OID_EXT_CRL_POINTS;
    default:
        return oid_find(oid);
    }
}

/* False: the value has to be read the other way. */
INLINE bool usual_value(struct cert *cert, enum oid id, struct span value, bool critical)
{
    switch (id) {
    case OID_EXT_SAN:
        cert->san = value;
        cert->flags |= critical ? CERT_SAN_CRITICAL : 0u;
        return true;
    case OID_EXT_BASIC_CONSTRAINTS:
        return usual_basic_constraints(cert, value);
    case OID_EXT_KEY_USAGE:
        return usual_key_usage(cert, value);
    case OID_EXT_EKU:
        return usual_eku(cert, value);
    case OID_EXT_POLICIES:
        return usual_policies(cert, value);
    case OID_EXT_AUTHORITY_KEY_ID:
        return usual_aki(cert, value);
    case OID_EXT_SUBJECT_KEY_ID:
        return take_all(value, DER_OCTET_STRING, &cert->ski);
    case OID_EXT_AIA:
        cert->aia = value;
        return true;
    case OID_EXT_CRL_POINTS:
        cert->crl_points = value;
        return true;
    case OID_EXT_SCT_LIST:
        return usual_scts(cert, value);
    case OID_EXT_POISON:
        return usual_poison(cert, value, critical);
    case OID_UNKNOWN:
        return true;
    default:
        return false;
    }
}

/* cert->findings is empty before; every oddity of the value ends up there. */
static bool unusual_value(struct cert *cert, enum oid id, struct span value, bool critical)
{
    struct ext_item item = {.id = id, .value = value, .critical = critical};

    if (id == OID_EXT_SCT_LIST)
        return false;
    return ext_read_value(cert, &item) && finding_none(&cert->findings);
}

/* Equal identifiers have equal bits; of the usual ones no two share one. What looks like a duplicate is
 * looked at by the other reader. */
INLINE uint64_t kind_bit(struct span oid)
{
    size_t last = oid.len != 0 ? oid.at[oid.len - 1] : 0;

    return UINT64_C(1) << ((last + oid.len * 7) & 63);
}

INLINE bool take_extension(struct pos *in, struct cert *cert, uint64_t *seen)
{
    struct span whole;
    struct span oid;
    struct span value;

    if (!take(in, DER_SEQUENCE, &whole))
        return false;
    struct pos inner = pos_of(whole);
    if (!take_short(&inner, DER_OID, &oid))
        return false;
    if (inner.end - inner.at < 4)
        return false;
    /* Critical or not is what no branch predictor knows, so there is no branch. A BOOLEAN in another form is
     * no OCTET STRING. */
    const uint8_t *at = inner.at;
    uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    bool critical = (word & 0xffffff) == (DER_BOOLEAN | 1u << 8 | 0xffu << 16);
    inner.at += (size_t)critical * 3;
    if (!take(&inner, DER_OCTET_STRING, &value) || inner.at != inner.end)
        return false;
    uint64_t bit = kind_bit(oid);
    if ((*seen & bit) != 0)
        return false;
    *seen |= bit;
    enum oid id = find_ext(oid);
    cert->ext_count++;
    return usual_value(cert, id, value, critical) || unusual_value(cert, id, value, critical);
}

INLINE bool take_extensions(struct pos *in, struct cert *cert)
{
    const uint8_t *begin = in->at;
    struct span outer;
    uint64_t seen = 0;

    if (in->at == in->end)
        return true;
    if (!take(in, 0xa3, &outer) || in->at != in->end || !take_all(outer, DER_SEQUENCE, &cert->exts) ||
        cert->exts.len == 0)
        return false;
    cert->exts_outer = from(begin, in);
    for (struct pos exts = pos_of(cert->exts); exts.at != exts.end;) {
        if (!take_extension(&exts, cert, &seen))
            return false;
    }
    return true;
}

/* What a certificate need not have. Field by field, because clearing the whole of it would cost a tenth of
 * the time. */
INLINE void clear(struct cert *cert)
{
    cert->curve_oid = SPAN_NONE;
    cert->exts = SPAN_NONE;
    cert->exts_outer = SPAN_NONE;
    cert->san = SPAN_NONE;
    cert->sct_list = SPAN_NONE;
    cert->aki = SPAN_NONE;
    cert->aki_key_id = SPAN_NONE;
    cert->ski = SPAN_NONE;
    cert->eku = SPAN_NONE;
    cert->key_usage = SPAN_NONE;
    cert->policies = SPAN_NONE;
    cert->aia = SPAN_NONE;
    cert->crl_points = SPAN_NONE;
    cert->name_constraints = SPAN_NONE;
    cert->version = 3;
    cert->path_len = -1;
    cert->key_bits = 0;
    cert->ext_count = 0;
    cert->flags = 0;
    cert->key_usage_bits = 0;
    cert->key_alg = CERT_KEY_UNKNOWN;
    cert->findings = (struct finding_set){{0, 0}};
}

INLINE bool take_tbs(struct pos *in, struct cert *cert)
{
    static const uint8_t version_3[5] = {0xa0, 3, DER_INTEGER, 1, 2};
    const uint8_t *begin = in->at;
    struct span value;

    clear(cert);
    if (!take(in, DER_SEQUENCE, &value) || value.len < sizeof version_3 ||
        memcmp(value.at, version_3, sizeof version_3) != 0)
        return false;
    cert->tbs = from(begin, in);
    struct pos fields = {value.at + sizeof version_3, value.at + value.len};
    if (!take_serial(&fields, &cert->serial) || !take_algorithm(&fields, &cert->tbs_sig_oid) ||
        !take_name(&fields, &cert->issuer) || !take_validity(&fields, cert) ||
        !take_name(&fields, &cert->subject) || !take_spki(&fields, cert) || !take_extensions(&fields, cert))
        return false;
    if (cert->subject.len > 2 && span_eq(cert->subject, cert->issuer))
        cert->flags |= CERT_SELF_ISSUED;
    return true;
}

bool swift_tbs(struct span tbs, struct cert *cert)
{
    struct pos in = {tbs.at, tbs.at == NULL ? NULL : tbs.at + tbs.len};

    cert->der = SPAN_NONE;
    cert->sig_oid = SPAN_NONE;
    cert->sig = SPAN_NONE;
    return take_tbs(&in, cert) && in.at == in.end;
}

/* One that is shorter or longer than those of signatures are is not the usual one. */
INLINE bool same_oid(struct span a, struct span b)
{
    return a.len == b.len && a.len <= KNOWN_MAX && same_bytes(a.at, b.at, a.len);
}

bool swift_certificate(struct span der, struct cert *cert)
{
    struct pos outer = {der.at, der.at == NULL ? NULL : der.at + der.len};
    struct span value;
    struct span bits;

    if (!take(&outer, DER_SEQUENCE, &value) || outer.at != outer.end)
        return false;
    struct pos in = pos_of(value);
    if (!take_tbs(&in, cert) || !take_algorithm(&in, &cert->sig_oid) || !take(&in, DER_BIT_STRING, &bits) ||
        bits.len == 0 || in.at != in.end || !same_oid(cert->sig_oid, cert->tbs_sig_oid))
        return false;
    cert->der = der;
    cert->sig = (struct span){bits.at + 1, bits.len - 1};
    return true;
}
