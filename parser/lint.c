#include "parser/lint.h"

#include "parser/access.h"
#include "parser/certpol.h"
#include "parser/crldp.h"
#include "parser/eku.h"
#include "parser/lintname.h"
#include "parser/nc.h"
#include "parser/qc.h"
#include "parser/sctlist.h"
#include "parser/sigalg.h"
#include "parser/spki.h"

/* Beyond so many, equal ones are no longer searched for: the search is quadratic, and the number is the
 * attacker's. Real certificates have at most some five. */
#define DUPLICATE_SEARCH_MAX 64

#define KEY_CERT_SIGN_BIT 0x0400

struct lint {
    const struct cert *cert;
    struct finding_set *findings;
};

static void add(const struct lint *lint, enum finding finding)
{
    finding_add(lint->findings, finding);
}

static void add_if(const struct lint *lint, bool yes, enum finding finding)
{
    if (yes)
        add(lint, finding);
}

static bool is_ca(const struct lint *lint)
{
    return (lint->cert->flags & CERT_IS_CA) != 0;
}

static bool is_empty_name(struct span name)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(name, &ignored);
    struct der_item item;

    return der_expect(&in, DER_SEQUENCE, &item) && item.value.len == 0;
}

/* Algorithms -------------------------------------------------------------------------------------- */

static void check_null(const struct lint *lint, struct span params)
{
    static const uint8_t null[2] = {DER_NULL, 0};

    if (params.at == NULL)
        add(lint, FINDING_RSA_NULL_MISSING);
    else
        add_if(lint, !span_eq(params, span_of(null, sizeof null)), FINDING_ALG_PARAMETERS);
}

static void check_pss(const struct lint *lint, struct span params)
{
    struct sigalg_pss pss;

    if (!sigalg_pss(params, &pss)) {
        add(lint, FINDING_PSS_PARAMETERS);
        return;
    }
    bool mgf1 = pss.mgf_oid.at == NULL || oid_find(pss.mgf_oid) == OID_MGF1;
    bool same =
        pss.hash == pss.mgf_hash && (pss.hash != OID_UNKNOWN || span_eq(pss.hash_oid, pss.mgf_hash_oid));
    add_if(lint, !mgf1 || !same || pss.trailer != 1, FINDING_PSS_PARAMETERS);
}

static void check_parameters(const struct lint *lint, enum oid algorithm, struct span params)
{
    switch (algorithm) {
    case OID_KEY_RSA:
    case OID_SIG_RSA_MD2:
    case OID_SIG_RSA_MD5:
    case OID_SIG_RSA_SHA1:
    case OID_SIG_RSA_SHA224:
    case OID_SIG_RSA_SHA256:
    case OID_SIG_RSA_SHA384:
    case OID_SIG_RSA_SHA512:
        check_null(lint, params);
        break;
    case OID_SIG_ECDSA_SHA1:
    case OID_SIG_ECDSA_SHA224:
    case OID_SIG_ECDSA_SHA256:
    case OID_SIG_ECDSA_SHA384:
    case OID_SIG_ECDSA_SHA512:
    case OID_KEY_ED25519:
    case OID_KEY_ED448:
    case OID_KEY_X25519:
    case OID_KEY_X448:
    case OID_KEY_ML_DSA_44:
    case OID_KEY_ML_DSA_65:
    case OID_KEY_ML_DSA_87:
        add_if(lint, params.at != NULL, FINDING_ALG_PARAMETERS);
        break;
    default:
        break;
    }
}

static void check_signature(const struct lint *lint)
{
    const struct cert *cert = lint->cert;
    struct sigalg inner;
    struct sigalg outer;

    /* The octet in front of the bits counts the unused ones. */
    add_if(lint, cert->sig.at != NULL && cert->sig.at[-1] != 0, FINDING_BIT_STRING_FORM);
    if (!sigalg_of_tbs(cert, &inner))
        return;
    check_parameters(lint, inner.id, inner.params);
    add_if(lint, inner.id == OID_KEY_RSA_PSS && inner.params.at == NULL, FINDING_PSS_PARAMETERS);
    if (inner.id == OID_KEY_RSA_PSS)
        check_pss(lint, inner.params);
    if (!sigalg_of_signature(cert, &outer) || !span_eq(inner.oid, outer.oid))
        return;
    bool both = inner.params.at != NULL && outer.params.at != NULL;
    if (both ? span_eq(inner.params, outer.params) : inner.params.at == outer.params.at)
        return;
    add(lint, FINDING_SIG_ALG_PARAMETERS);
    check_parameters(lint, outer.id, outer.params);
}

static bool is_odd(struct span integer)
{
    return integer.len != 0 && (integer.at[integer.len - 1] & 1u) != 0;
}

static bool is_negative(struct span integer)
{
    return integer.len == 0 || integer.at[0] >= 0x80;
}

static bool is_less_than_3(struct span integer)
{
    for (size_t i = 0; i + 1 < integer.len; i++) {
        if (integer.at[i] != 0)
            return false;
    }
    return integer.len == 0 || integer.at[integer.len - 1] < 3;
}

static void check_key(const struct lint *lint)
{
    const struct cert *cert = lint->cert;
    enum oid id = oid_find(cert->key_oid);
    struct spki_key key;

    if (!spki_open(cert, &key) && key.bits.at == NULL)
        return;
    check_parameters(lint, id, key.params);
    if (id == OID_KEY_RSA_PSS && key.params.at != NULL)
        check_pss(lint, key.params);
    add_if(lint, id == OID_KEY_EC && cert->curve_oid.at == NULL, FINDING_EC_CURVE_EXPLICIT);
    add_if(lint, key.unused != 0, FINDING_BIT_STRING_FORM);
    if (key.modulus.at != NULL)
        add_if(lint, is_negative(key.modulus) || !is_odd(key.modulus), FINDING_RSA_MODULUS);
    if (key.exponent.at != NULL)
        add_if(lint, is_negative(key.exponent) || !is_odd(key.exponent) || is_less_than_3(key.exponent),
               FINDING_RSA_EXPONENT);
}

/* The frame --------------------------------------------------------------------------------------- */

static void check_frame(const struct lint *lint)
{
    const struct cert *cert = lint->cert;
    struct der in = der_of(cert->tbs, lint->findings);
    struct der_item item;

    add_if(lint, cert->version == 1 || cert->version == 2, FINDING_VERSION_OLD);
    add_if(lint, cert->tbs.len > LINT_OVERSIZE || cert->der.len > LINT_OVERSIZE, FINDING_OVERSIZE);
    add_if(lint, is_empty_name(cert->issuer), FINDING_ISSUER_EMPTY);
    add_if(lint, is_ca(lint) && is_empty_name(cert->subject), FINDING_SUBJECT_EMPTY);
    if (der_expect(&in, DER_SEQUENCE, &item)) {
        in = der_of(item.value, lint->findings);
        add_if(lint, cert->version == 1 && der_optional(&in, 0xa0, &item), FINDING_DEFAULT_WRITTEN);
    }
    if (cert->spki.at == NULL)
        return;
    const uint8_t *at = cert->spki.at + cert->spki.len;
    in = der_of(span_of(at, (size_t)(cert->tbs.at + cert->tbs.len - at)), lint->findings);
    while (der_more(&in) && der_next(&in, &item)) {
        bool unique = item.tag == 0x81 || item.tag == 0x82 || item.tag == 0xa1 || item.tag == 0xa2;
        add_if(lint, unique, FINDING_UNIQUE_ID);
    }
}

/* Extensions -------------------------------------------------------------------------------------- */

/* A list of named bits ends with the last bit that is set (X.690 section 11.2.2). */
static void check_key_usage(const struct lint *lint)
{
    struct der in = der_of(lint->cert->key_usage, lint->findings);
    struct der_item item;

    if (!der_expect(&in, DER_BIT_STRING, &item) || item.value.len == 0)
        return;
    unsigned unused = item.value.at[0];
    unsigned last = item.value.len > 1 ? item.value.at[item.value.len - 1] : 0;
    bool minimal = item.value.len == 1
                       ? unused == 0
                       : unused < 8 && last != 0 && (last & ((2u << unused) - 1)) == 1u << unused;
    bool any = false;
    for (size_t i = 1; i < item.value.len; i++)
        any = any || item.value.at[i] != 0;
    add_if(lint, !minimal, FINDING_BIT_STRING_FORM);
    add_if(lint, !any, FINDING_KEY_USAGE_EMPTY);
    add_if(lint, ((lint->cert->key_usage_bits & KEY_CERT_SIGN_BIT) != 0) != is_ca(lint),
           FINDING_KEY_CERT_SIGN);
}

/* SEQUENCE { BOOLEAN FALSE, ... } */
static void check_basic_constraints(const struct lint *lint, const struct ext_item *ext)
{
    struct der in = der_of(ext->value, lint->findings);
    struct der_item item;

    add_if(lint, is_ca(lint) && !ext->critical, FINDING_CA_NOT_CRITICAL);
    if (!der_expect(&in, DER_SEQUENCE, &item))
        return;
    in = der_of(item.value, lint->findings);
    if (der_optional(&in, DER_BOOLEAN, &item))
        add_if(lint, item.value.len == 1 && item.value.at[0] == 0, FINDING_DEFAULT_WRITTEN);
}

static void check_extension(const struct lint *lint, const struct ext_item *ext)
{
    bool nameless = is_empty_name(lint->cert->subject);

    switch (ext->id) {
    case OID_EXT_BASIC_CONSTRAINTS:
        check_basic_constraints(lint, ext);
        break;
    case OID_EXT_SAN:
        add_if(lint, ext->critical && !nameless, FINDING_SAN_CRITICAL);
        add_if(lint, !ext->critical && nameless, FINDING_SAN_NOT_CRITICAL);
        break;
    case OID_EXT_NAME_CONSTRAINTS:
    case OID_EXT_POLICY_CONSTRAINTS:
    case OID_EXT_INHIBIT_ANY_POLICY:
        add_if(lint, !ext->critical, FINDING_EXT_NOT_CRITICAL);
        break;
    case OID_EXT_AUTHORITY_KEY_ID:
    case OID_EXT_SUBJECT_KEY_ID:
    case OID_EXT_AIA:
    case OID_EXT_SIA:
    case OID_EXT_FRESHEST_CRL:
    case OID_EXT_DIRECTORY_ATTRIBUTES:
        add_if(lint, ext->critical, FINDING_EXT_CRITICAL);
        break;
    case OID_UNKNOWN:
        add_if(lint, ext->critical && ext->oid.at != NULL, FINDING_EXT_CRITICAL_UNKNOWN);
        break;
    default:
        break;
    }
}

static void check_extensions(const struct lint *lint)
{
    struct ext ext;
    struct ext_item item;

    ext_init(&ext, lint->cert->exts, lint->findings);
    while (ext_next(&ext, &item))
        check_extension(lint, &item);
}

/* Not asked where extensions are lost. */
static void check_missing(const struct lint *lint)
{
    const struct cert *cert = lint->cert;

    if (cert->version != 3 || finding_has(&cert->findings, FINDING_EXTENSION_UNREADABLE))
        return;
    add_if(lint, is_ca(lint) && cert->ski.at == NULL, FINDING_SKI_MISSING);
    add_if(lint, cert->aki.at == NULL && (cert->flags & CERT_SELF_ISSUED) == 0, FINDING_AKI_MISSING);
    add_if(lint, !is_ca(lint) && (cert->flags & CERT_SERVER_AUTH) != 0 && cert->san.at == NULL,
           FINDING_SAN_MISSING);
}

/* What a list of an extension came to. */
static void end_list(const struct lint *lint, struct span value, bool damaged, size_t count)
{
    add_if(lint, damaged, FINDING_EXTENSION_UNREADABLE);
    add_if(lint, value.at != NULL && !damaged && count == 0, FINDING_LIST_EMPTY);
}

static void check_purposes(const struct lint *lint)
{
    struct eku eku;
    struct span oid;
    size_t count = 0;

    eku_init(&eku, lint->cert->eku);
    while (eku_next(&eku, &oid))
        count++;
    end_list(lint, lint->cert->eku, eku.damaged, count);
    add_if(lint, (lint->cert->flags & CERT_ANY_EKU) != 0 && !is_ca(lint), FINDING_EKU_ANY);
}

static void check_policies(const struct lint *lint)
{
    struct span seen[DUPLICATE_SEARCH_MAX];
    struct certpol pol;
    struct certpol_item item;
    size_t count = 0;

    certpol_init(&pol, lint->cert->policies);
    for (; certpol_next(&pol, &item); count++) {
        for (size_t i = 0; count < countof(seen) && i < count; i++)
            add_if(lint, span_eq(seen[i], item.oid), FINDING_POLICY_DUPLICATE);
        if (count < countof(seen))
            seen[count] = item.oid;
    }
    end_list(lint, lint->cert->policies, pol.damaged, count);
}

static void check_access(const struct lint *lint, struct span value)
{
    struct access access;
    struct access_item item;
    size_t count = 0;

    access_init(&access, value);
    for (; access_next(&access, &item); count++)
        lintname_general(&item.location, lint->findings);
    end_list(lint, value, access.damaged, count);
}

static void check_crl_points(const struct lint *lint)
{
    struct crldp crldp;
    struct crldp_item item;
    size_t count = 0;

    crldp_init(&crldp, lint->cert->crl_points);
    for (; crldp_next(&crldp, &item); count++)
        lintname_general(&item.name, lint->findings);
    end_list(lint, lint->cert->crl_points, crldp.damaged, count);
}

static void check_name_constraints(const struct lint *lint)
{
    struct nc nc;
    struct nc_item item;

    if (lint->cert->name_constraints.at == NULL)
        return;
    add_if(lint, !is_ca(lint), FINDING_NC_NOT_CA);
    nc_init(&nc, lint->cert->name_constraints);
    while (nc_next(&nc, &item)) {
        bool no_range = item.base.kind == SAN_IP && item.base.value.len != 8 && item.base.value.len != 32;
        add_if(lint, item.bounded || no_range, FINDING_NC_FORM);
    }
    add_if(lint, nc.damaged, FINDING_EXTENSION_UNREADABLE);
    add_if(lint, nc.empty, FINDING_NC_FORM);
}

static void check_qc_statements(const struct lint *lint)
{
    struct span value = SPAN_NONE;
    struct ext_item ext;
    struct qc qc;
    struct qc_item item;
    size_t count = 0;

    if (ext_find(lint->cert, OID_EXT_QC_STATEMENTS, &ext))
        value = ext.value;
    qc_init(&qc, value);
    while (qc_next(&qc, &item))
        count++;
    end_list(lint, value, qc.damaged, count);
}

static void check_sct(const struct lint *lint, const struct sctlist_item *sct)
{
    bool odd;

    add_if(lint, sct->version != 0 && sct->whole.len != 0, FINDING_SCT_VERSION);
    if (!sct->readable)
        return;
    /* RFC 5246 section 7.4.1.4.1: SHA-256 is 4, RSA 1, ECDSA 3. */
    add_if(lint, sct->hash_alg != 4 || (sct->sig_alg != 1 && sct->sig_alg != 3), FINDING_SCT_ALGORITHM);
    (void)sctlist_leaf_index(sct->extensions, &odd);
    add_if(lint, odd, FINDING_SCT_EXTENSIONS);
}

static void check_scts(const struct lint *lint)
{
    struct span seen[DUPLICATE_SEARCH_MAX];
    struct sctlist list;
    struct sctlist_item item;
    size_t count = 0;

    sctlist_of(&list, lint->cert);
    while (sctlist_next(&list, &item)) {
        check_sct(lint, &item);
        if (!item.readable || count == countof(seen))
            continue;
        for (size_t i = 0; i < count; i++)
            add_if(lint, span_eq(seen[i], item.log_id), FINDING_SCT_LOG_TWICE);
        seen[count++] = item.log_id;
    }
    add_if(lint, lint->cert->sct_list.at != NULL && (lint->cert->flags & CERT_POISON) != 0,
           FINDING_SCT_IN_PRECERT);
}

void lint_read(const struct cert *cert, struct finding_set *findings)
{
    const struct lint lint = {cert, findings};
    struct ext_item ext;

    if (cert->tbs.at == NULL || finding_has(&cert->findings, FINDING_CERTIFICATE_UNREADABLE))
        return;
    check_frame(&lint);
    check_signature(&lint);
    check_key(&lint);
    check_extensions(&lint);
    check_missing(&lint);
    check_key_usage(&lint);
    add_if(&lint, cert->path_len >= 0 && !is_ca(&lint), FINDING_PATH_LEN_WITHOUT_CA);
    check_purposes(&lint);
    check_policies(&lint);
    check_name_constraints(&lint);
    check_access(&lint, cert->aia);
    check_access(&lint, ext_find(cert, OID_EXT_SIA, &ext) ? ext.value : SPAN_NONE);
    check_crl_points(&lint);
    check_qc_statements(&lint);
    check_scts(&lint);
    lintname_read(cert, findings);
}
