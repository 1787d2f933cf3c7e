#include "lib/inner.h"
#include "parser/lint.h"
#include "parser/spki.h"
#include "parser/tbs.h"

/* The public numbers are promises; those of the rooms below happen to be the same, so nothing is translated.
 */
#define SAME(public, private) _Static_assert((int)(public) == (int)(private), "a public number has changed")
SAME(CTVIGIL_KEY_UNKNOWN, CERT_KEY_UNKNOWN);
SAME(CTVIGIL_KEY_RSA, CERT_KEY_RSA);
SAME(CTVIGIL_KEY_RSA_PSS, CERT_KEY_RSA_PSS);
SAME(CTVIGIL_KEY_EC, CERT_KEY_EC);
SAME(CTVIGIL_KEY_ED25519, CERT_KEY_ED25519);
SAME(CTVIGIL_KEY_ED448, CERT_KEY_ED448);
SAME(CTVIGIL_KEY_DSA, CERT_KEY_DSA);
SAME(CTVIGIL_KEY_ML_DSA, CERT_KEY_ML_DSA);
SAME(CTVIGIL_IS_CA, CERT_IS_CA);
SAME(CTVIGIL_HAS_BC, CERT_HAS_BC);
SAME(CTVIGIL_POISON, CERT_POISON);
SAME(CTVIGIL_SERVER_AUTH, CERT_SERVER_AUTH);
SAME(CTVIGIL_CLIENT_AUTH, CERT_CLIENT_AUTH);
SAME(CTVIGIL_ANY_EKU, CERT_ANY_EKU);
SAME(CTVIGIL_PRECERT_SIGNING, CERT_PRECERT_SIGNING);
SAME(CTVIGIL_POLICY_DV, CERT_POLICY_DV);
SAME(CTVIGIL_POLICY_OV, CERT_POLICY_OV);
SAME(CTVIGIL_POLICY_IV, CERT_POLICY_IV);
SAME(CTVIGIL_POLICY_EV, CERT_POLICY_EV);
SAME(CTVIGIL_HAS_EKU, CERT_HAS_EKU);
SAME(CTVIGIL_SAN_DUPLICATE, CERT_SAN_DUPLICATE);
SAME(CTVIGIL_SAN_CRITICAL, CERT_SAN_CRITICAL);
SAME(CTVIGIL_SELF_ISSUED, CERT_SELF_ISSUED);

bool ctvigil_cert_read(struct ctvigil_cert *cert, const void *der, size_t size)
{
    return tbs_read_certificate(span_of(der, size), inner_cert_of(cert));
}

bool ctvigil_cert_read_tbs(struct ctvigil_cert *cert, const void *tbs, size_t size)
{
    return tbs_read(span_of(tbs, size), inner_cert_of(cert));
}

void ctvigil_cert_findings(const struct ctvigil_cert *cert, struct ctvigil_findings *findings)
{
    inner_findings(&inner_cert_in(cert)->findings, findings);
}

void ctvigil_cert_lint(const struct ctvigil_cert *cert, struct ctvigil_findings *findings)
{
    struct finding_set set = inner_set(findings);

    lint_read(inner_cert_in(cert), &set);
    inner_findings(&set, findings);
}

struct ctvigil_bytes ctvigil_cert_der(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->der);
}

struct ctvigil_bytes ctvigil_cert_tbs(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->tbs);
}

struct ctvigil_bytes ctvigil_cert_serial(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->serial);
}

struct ctvigil_bytes ctvigil_cert_issuer(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->issuer);
}

struct ctvigil_bytes ctvigil_cert_subject(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->subject);
}

struct ctvigil_bytes ctvigil_cert_spki(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->spki);
}

struct ctvigil_bytes ctvigil_cert_key_oid(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->key_oid);
}

struct ctvigil_bytes ctvigil_cert_curve_oid(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->curve_oid);
}

struct ctvigil_bytes ctvigil_cert_signature_oid(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->sig_oid);
}

struct ctvigil_bytes ctvigil_cert_tbs_signature_oid(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->tbs_sig_oid);
}

struct ctvigil_bytes ctvigil_cert_signature(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->sig);
}

struct ctvigil_bytes ctvigil_cert_authority_key_id(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->aki_key_id);
}

struct ctvigil_bytes ctvigil_cert_subject_key_id(const struct ctvigil_cert *cert)
{
    return inner_bytes(inner_cert_in(cert)->ski);
}

int64_t ctvigil_cert_not_before(const struct ctvigil_cert *cert)
{
    return inner_cert_in(cert)->not_before;
}

int64_t ctvigil_cert_not_after(const struct ctvigil_cert *cert)
{
    return inner_cert_in(cert)->not_after;
}

int32_t ctvigil_cert_version(const struct ctvigil_cert *cert)
{
    return inner_cert_in(cert)->version;
}

int32_t ctvigil_cert_path_len(const struct ctvigil_cert *cert)
{
    return inner_cert_in(cert)->path_len;
}

uint32_t ctvigil_cert_key_bits(const struct ctvigil_cert *cert)
{
    return inner_cert_in(cert)->key_bits;
}

uint16_t ctvigil_cert_key_usage(const struct ctvigil_cert *cert)
{
    return inner_cert_in(cert)->key_usage_bits;
}

uint32_t ctvigil_cert_flags(const struct ctvigil_cert *cert)
{
    return inner_cert_in(cert)->flags;
}

int ctvigil_cert_key(const struct ctvigil_cert *cert)
{
    return (int)inner_cert_in(cert)->key_alg;
}

const char *ctvigil_cert_key_name(const struct ctvigil_cert *cert)
{
    return spki_alg_name(inner_cert_in(cert));
}
