/* libctvigil-parser: X.509 certificates and Certificate Transparency entries, from bytes to facts.
 *
 * What it reads: certificates and precertificates in DER and in the BER that real CAs wrote (RFC 5280), bare
 * TBSCertificates, the Merkle leaves and extra_data of RFC 6962 logs, the data tiles of static-ct logs (C2SP
 * static-ct-api), and the JSON of get-entries. It is lenient where the world is wrong: what is odd becomes a
 * finding and reading goes on. There is no input that makes it fail as a whole, and none that makes it crash
 * or take more than time linear in its size.
 *
 * What it does not do: verify signatures, build chains, judge trust, compute hashes, decode PEM or PKCS#7,
 * fetch anything. Names are given out as they stand in the certificate; to compare them with host names
 * normalise them first (case, dots, wildcards, IDNA, IP addresses as text; `ctvigil cert` does that, with
 * libraries for IDNA and public suffixes that this one does without).
 *
 *   struct ctvigil_cert cert;
 *   struct ctvigil_san san;
 *
 *   ctvigil_cert_read(&cert, der, der_size);
 *   ctvigil_san_begin(&san, &cert);
 *   while (ctvigil_san_next(&san))
 *       use(ctvigil_san_kind(&san), ctvigil_san_value(&san));
 *   if (ctvigil_san_damaged(&san))
 *       there may be names that nobody saw;
 *
 * Memory. The library allocates nothing, does no I/O, reads no environment and keeps no state between calls.
 * The caller owns every object; objects need no clean-up. What a function gives out points into the input (or
 * into constants), which must live as long as what was read from it. Any number of threads may work at once,
 * each on objects of its own; objects that nobody changes may be read by all.
 *
 * Objects are words whose meaning is the library's own, with room to grow. Certificates, entries and sets of
 * findings may be copied and moved. A walk (everything with a _begin and a _next) and struct ctvigil_common
 * must stay where they were begun. Before the first _next, and after one that returned false, the values of a
 * walk are absent, 0 or -1.
 *
 * Stability. Facts are read through functions, and new facts are new functions: a program linked with an old
 * library runs with a new one, and a program that needs a fact which the library at hand does not know fails
 * to link instead of being told "absent". That is why there is no public struct of facts. Numbers of enums
 * are written out and never change; new ones come at the end, so treat an unknown number as such. Sizes of
 * objects never change within one soname.
 *
 * Absent is not empty: an absent value has data == NULL and size == 0, an empty one only size == 0.
 * A NULL object is a bug of the caller. Input may be NULL when its size is 0. */
#ifndef CTVIGIL_PARSER_H
#define CTVIGIL_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CTVIGIL_API __attribute__((visibility("default")))
#else
#define CTVIGIL_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of somebody else's: not ended by NUL, and NUL may be among them. */
struct ctvigil_bytes {
    const uint8_t *data;
    size_t size;
};

/* "0.1.0": the version of the library at hand, which may be newer than this header. */
CTVIGIL_API const char *ctvigil_version(void);

/* ---- Findings: what is odd about a certificate or an entry ----------------------------------------------
 */

/* A set of the numbers below. Only the functions here know its bits. */
struct ctvigil_findings {
    uint64_t opaque[4];
};

enum ctvigil_finding {
    CTVIGIL_FINDING_DER_LENGTH_NOT_MINIMAL = 0,
    CTVIGIL_FINDING_BER_INDEFINITE = 1,
    CTVIGIL_FINDING_TRAILING_BYTES = 2,
    CTVIGIL_FINDING_TBS_TRAILING_BYTES = 3,
    CTVIGIL_FINDING_CERTIFICATE_UNREADABLE = 4,
    CTVIGIL_FINDING_SERIAL_NEGATIVE = 5,
    CTVIGIL_FINDING_SERIAL_ZERO = 6,
    CTVIGIL_FINDING_SERIAL_LONG = 7,
    CTVIGIL_FINDING_INTEGER_NOT_MINIMAL = 8,
    CTVIGIL_FINDING_VERSION_UNKNOWN = 9,
    CTVIGIL_FINDING_VERSION_EXTENSIONS = 10,
    CTVIGIL_FINDING_TIME_UNREADABLE = 11,
    CTVIGIL_FINDING_TIME_FORM = 12,
    CTVIGIL_FINDING_VALIDITY_REVERSED = 13,
    CTVIGIL_FINDING_NAME_UNREADABLE = 14,
    CTVIGIL_FINDING_RDN_EMPTY = 15,
    CTVIGIL_FINDING_SPKI_UNREADABLE = 16,
    CTVIGIL_FINDING_EXTENSION_DUPLICATE = 17,
    CTVIGIL_FINDING_EXTENSION_UNREADABLE = 18,
    CTVIGIL_FINDING_EXTENSIONS_EMPTY = 19,
    CTVIGIL_FINDING_CRITICAL_DEFAULT = 20,
    CTVIGIL_FINDING_BOOLEAN_FORM = 21,
    CTVIGIL_FINDING_SAN_UNREADABLE = 22,
    CTVIGIL_FINDING_SAN_EMPTY = 23,
    CTVIGIL_FINDING_SAN_IP_LENGTH = 24,
    CTVIGIL_FINDING_SAN_IP_TEXT = 25,
    CTVIGIL_FINDING_NAME_HAS_NUL = 26,
    CTVIGIL_FINDING_NAME_NOT_ASCII = 27,
    CTVIGIL_FINDING_NAME_UNCLEAN = 28,
    CTVIGIL_FINDING_NAME_LABEL_UNREADABLE = 29,
    CTVIGIL_FINDING_CN_NOT_IN_SAN = 30,
    CTVIGIL_FINDING_SCT_LIST_UNREADABLE = 31,
    CTVIGIL_FINDING_POISON_FORM = 32,
    CTVIGIL_FINDING_POISON_IN_FINAL = 33,
    CTVIGIL_FINDING_SIG_ALG_MISMATCH = 34,
    CTVIGIL_FINDING_LEAF_VERSION = 35,
    CTVIGIL_FINDING_LEAF_ENTRY_TYPE = 36,
    CTVIGIL_FINDING_LEAF_UNREADABLE = 37,
    CTVIGIL_FINDING_LEAF_TRAILING = 38,
    CTVIGIL_FINDING_EXTRA_UNREADABLE = 39,
    CTVIGIL_FINDING_PRECERT_MISMATCH = 40,
    CTVIGIL_FINDING_CHAIN_MISMATCH = 41,
    CTVIGIL_FINDING_ISSUER_UNVERIFIED = 42,
    CTVIGIL_FINDING_LEAF_INDEX = 43,
    CTVIGIL_FINDING_NAMES_TRUNCATED = 44,
    CTVIGIL_FINDING_STORE_REFUSED = 45,
    CTVIGIL_FINDING_ENTRY_STUCK = 46,
    CTVIGIL_FINDING_RSA_NULL_MISSING = 47,
    CTVIGIL_FINDING_ALG_PARAMETERS = 48,
    CTVIGIL_FINDING_SIG_ALG_PARAMETERS = 49,
    CTVIGIL_FINDING_PSS_PARAMETERS = 50,
    CTVIGIL_FINDING_EC_CURVE_EXPLICIT = 51,
    CTVIGIL_FINDING_RSA_MODULUS = 52,
    CTVIGIL_FINDING_RSA_EXPONENT = 53,
    CTVIGIL_FINDING_BIT_STRING_FORM = 54,
    CTVIGIL_FINDING_DEFAULT_WRITTEN = 55,
    CTVIGIL_FINDING_VERSION_OLD = 56,
    CTVIGIL_FINDING_UNIQUE_ID = 57,
    CTVIGIL_FINDING_OVERSIZE = 58,
    CTVIGIL_FINDING_ISSUER_EMPTY = 59,
    CTVIGIL_FINDING_SUBJECT_EMPTY = 60,
    CTVIGIL_FINDING_KEY_USAGE_EMPTY = 61,
    CTVIGIL_FINDING_KEY_CERT_SIGN = 62,
    CTVIGIL_FINDING_PATH_LEN_WITHOUT_CA = 63,
    CTVIGIL_FINDING_CA_NOT_CRITICAL = 64,
    CTVIGIL_FINDING_SAN_MISSING = 65,
    CTVIGIL_FINDING_SAN_CRITICAL = 66,
    CTVIGIL_FINDING_SAN_NOT_CRITICAL = 67,
    CTVIGIL_FINDING_EXT_NOT_CRITICAL = 68,
    CTVIGIL_FINDING_EXT_CRITICAL = 69,
    CTVIGIL_FINDING_EXT_CRITICAL_UNKNOWN = 70,
    CTVIGIL_FINDING_SKI_MISSING = 71,
    CTVIGIL_FINDING_AKI_MISSING = 72,
    CTVIGIL_FINDING_LIST_EMPTY = 73,
    CTVIGIL_FINDING_EKU_ANY = 74,
    CTVIGIL_FINDING_POLICY_DUPLICATE = 75,
    CTVIGIL_FINDING_NC_NOT_CA = 76,
    CTVIGIL_FINDING_NC_FORM = 77,
    CTVIGIL_FINDING_DN_STRING_TYPE = 78,
    CTVIGIL_FINDING_DN_CHARACTERS = 79,
    CTVIGIL_FINDING_DN_LONG = 80,
    CTVIGIL_FINDING_DN_EMPTY_VALUE = 81,
    CTVIGIL_FINDING_COUNTRY_FORM = 82,
    CTVIGIL_FINDING_OU_PRESENT = 83,
    CTVIGIL_FINDING_DNS_LONG = 84,
    CTVIGIL_FINDING_URI_FORM = 85,
    CTVIGIL_FINDING_EMAIL_FORM = 86,
    CTVIGIL_FINDING_SCT_VERSION = 87,
    CTVIGIL_FINDING_SCT_ALGORITHM = 88,
    CTVIGIL_FINDING_SCT_EXTENSIONS = 89,
    CTVIGIL_FINDING_SCT_LOG_TWICE = 90,
    CTVIGIL_FINDING_SCT_IN_PRECERT = 91,
    CTVIGIL_FINDING_DER_TAG_LONG = 92,
    CTVIGIL_FINDING_FINGERPRINT_WHOLE = 93
};

/* How many numbers the library at hand knows: all below. Some are set by the program ctvigil only, which
 * normalises names, checks issuers and stores entries. What only a walk comes across, an alternative name
 * that can not be read for one, is no finding of the certificate: ask the walk, by its _damaged. */
CTVIGIL_API int ctvigil_finding_count(void);
/* "san_ip_text"; NULL for a number that the library does not know. */
CTVIGIL_API const char *ctvigil_finding_name(int finding);
/* "RFC 5280 4.2.1.6" */
CTVIGIL_API const char *ctvigil_finding_rule(int finding);
/* One English sentence, without a capital and a full stop. */
CTVIGIL_API const char *ctvigil_finding_sentence(int finding);
/* Some part could not be read. False: peculiar, but read all the same. */
CTVIGIL_API bool ctvigil_finding_is_broken(int finding);

CTVIGIL_API bool ctvigil_findings_has(const struct ctvigil_findings *findings, int finding);
/* The lowest number in the set above `after`, or -1: begin with -1. */
CTVIGIL_API int ctvigil_findings_next(const struct ctvigil_findings *findings, int after);
CTVIGIL_API bool ctvigil_findings_any_broken(const struct ctvigil_findings *findings);

/* ---- Certificates (RFC 5280 section 4.1) ----------------------------------------------------------------
 */

struct ctvigil_cert {
    uint64_t opaque[160];
};

/* A whole Certificate. False: not even its outer structure could be read (finding certificate_unreadable);
 * what was found until then is there all the same. Bytes behind the certificate are a finding, and no part of
 * ctvigil_cert_der. */
CTVIGIL_API bool ctvigil_cert_read(struct ctvigil_cert *cert, const void *der, size_t size);
/* A bare TBSCertificate, as in the leaf of a precertificate. */
CTVIGIL_API bool ctvigil_cert_read_tbs(struct ctvigil_cert *cert, const void *tbs, size_t size);
CTVIGIL_API void ctvigil_cert_findings(const struct ctvigil_cert *cert, struct ctvigil_findings *findings);
/* Adds what is against the rules without being in the way of reading: a closer look at every extension, held
 * against RFC 5280, RFC 6962, X.690 and the Baseline Requirements. It costs more than reading did. */
CTVIGIL_API void ctvigil_cert_lint(const struct ctvigil_cert *cert, struct ctvigil_findings *findings);

/* Parts, absent where there is none. "With header": the whole element; otherwise its content octets. */
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_der(const struct ctvigil_cert *cert);     /* absent: bare TBS */
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_tbs(const struct ctvigil_cert *cert);     /* with header */
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_serial(const struct ctvigil_cert *cert);  /* of the INTEGER */
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_issuer(const struct ctvigil_cert *cert);  /* with header */
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_subject(const struct ctvigil_cert *cert); /* with header */
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_spki(const struct ctvigil_cert *cert);    /* with header */
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_key_oid(const struct ctvigil_cert *cert);
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_curve_oid(
    const struct ctvigil_cert *cert); /* EC, named curve */
/* Algorithm beside the signature, and the one inside the TBSCertificate; bits of the signature without the
 * octet that counts unused ones. A bare TBS has only the second. */
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_signature_oid(const struct ctvigil_cert *cert);
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_tbs_signature_oid(const struct ctvigil_cert *cert);
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_signature(const struct ctvigil_cert *cert);
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_authority_key_id(const struct ctvigil_cert *cert);
CTVIGIL_API struct ctvigil_bytes ctvigil_cert_subject_key_id(const struct ctvigil_cert *cert);

/* Unix seconds, both inclusive. What can not be read (finding time_unreadable) is the year 1 and the end of
 * the year 9999, so that nothing is hidden. */
CTVIGIL_API int64_t ctvigil_cert_not_before(const struct ctvigil_cert *cert);
CTVIGIL_API int64_t ctvigil_cert_not_after(const struct ctvigil_cert *cert);
CTVIGIL_API int32_t ctvigil_cert_version(const struct ctvigil_cert *cert);  /* 1, 2, 3; others as found */
CTVIGIL_API int32_t ctvigil_cert_path_len(const struct ctvigil_cert *cert); /* -1: no limit is written */
/* Bits of the modulus (RSA), of the prime (DSA, DH), of the group (EC); 0: not known. */
CTVIGIL_API uint32_t ctvigil_cert_key_bits(const struct ctvigil_cert *cert);
/* RFC 5280 section 4.2.1.3: bit 0, digitalSignature, is 0x8000; 0 also when there is no such extension. */
CTVIGIL_API uint16_t ctvigil_cert_key_usage(const struct ctvigil_cert *cert);

enum ctvigil_key {
    CTVIGIL_KEY_UNKNOWN = 0,
    CTVIGIL_KEY_RSA = 1,
    CTVIGIL_KEY_RSA_PSS = 2,
    CTVIGIL_KEY_EC = 3,
    CTVIGIL_KEY_ED25519 = 4,
    CTVIGIL_KEY_ED448 = 5,
    CTVIGIL_KEY_DSA = 6,
    CTVIGIL_KEY_ML_DSA = 7
};

CTVIGIL_API int ctvigil_cert_key(const struct ctvigil_cert *cert); /* enum ctvigil_key */
/* "EC", "RSA", "MLDSA65PublicKey" ...; NULL: an algorithm that the library has no name for. */
CTVIGIL_API const char *ctvigil_cert_key_name(const struct ctvigil_cert *cert);

enum ctvigil_flag {
    CTVIGIL_IS_CA = 1,       /* basicConstraints say cA TRUE */
    CTVIGIL_HAS_BC = 2,      /* there are basicConstraints */
    CTVIGIL_POISON = 4,      /* a precertificate (RFC 6962 section 3.1): critical */
    CTVIGIL_SERVER_AUTH = 8, /* purposes of the extended key usage */
    CTVIGIL_CLIENT_AUTH = 16,
    CTVIGIL_ANY_EKU = 32,
    CTVIGIL_PRECERT_SIGNING = 64,
    CTVIGIL_POLICY_DV = 128, /* policies of the CA/Browser Forum */
    CTVIGIL_POLICY_OV = 256,
    CTVIGIL_POLICY_IV = 512,
    CTVIGIL_POLICY_EV = 1024,
    CTVIGIL_HAS_EKU = 2048,       /* there is an extended key usage */
    CTVIGIL_SAN_DUPLICATE = 4096, /* several extensions with alternative names; a walk covers them all */
    CTVIGIL_SAN_CRITICAL = 8192,
    CTVIGIL_SELF_ISSUED = 16384 /* issuer and subject are byte for byte the same */
};

CTVIGIL_API uint32_t ctvigil_cert_flags(const struct ctvigil_cert *cert); /* a sum of enum ctvigil_flag */

/* ---- Alternative names (RFC 5280 section 4.2.1.6) -------------------------------------------------------
 */

enum ctvigil_san_kind {
    CTVIGIL_SAN_OTHER_NAME = 0,
    CTVIGIL_SAN_EMAIL = 1,
    CTVIGIL_SAN_DNS = 2,
    CTVIGIL_SAN_X400 = 3,
    CTVIGIL_SAN_DIRECTORY = 4, /* its value is a Name with header, for ctvigil_dn_begin */
    CTVIGIL_SAN_EDI_PARTY = 5,
    CTVIGIL_SAN_URI = 6,
    CTVIGIL_SAN_IP = 7, /* 4 or 16 octets when well-formed */
    CTVIGIL_SAN_REGISTERED_ID = 8,
    CTVIGIL_SAN_UNKNOWN = 9 /* a tag that RFC 5280 does not know */
};

/* Every name of every such extension, in order. Common names of the subject are names too in old practice:
 * walk the subject for them. */
struct ctvigil_san {
    uint64_t opaque[48];
};

CTVIGIL_API void ctvigil_san_begin(struct ctvigil_san *san, const struct ctvigil_cert *cert);
CTVIGIL_API bool ctvigil_san_next(struct ctvigil_san *san);
/* Of the name that ctvigil_san_next came to. */
CTVIGIL_API int ctvigil_san_kind(const struct ctvigil_san *san);
CTVIGIL_API struct ctvigil_bytes ctvigil_san_value(const struct ctvigil_san *san);
CTVIGIL_API struct ctvigil_bytes ctvigil_san_whole(const struct ctvigil_san *san); /* with header */
/* After the last name: was something unreadable, so that there may be names that were not given out? Also
 * true when the certificate is cut off or its extensions can not be found, and no name was given out at all.
 */
CTVIGIL_API bool ctvigil_san_damaged(const struct ctvigil_san *san);

/* ---- Names of issuer and subject (RFC 5280 section 4.1.2.4) ---------------------------------------------
 */

struct ctvigil_dn {
    uint64_t opaque[48];
};

/* `name`: a Name with header. */
CTVIGIL_API void ctvigil_dn_begin(struct ctvigil_dn *dn, struct ctvigil_bytes name);
CTVIGIL_API bool ctvigil_dn_next(struct ctvigil_dn *dn);
CTVIGIL_API struct ctvigil_bytes ctvigil_dn_oid(const struct ctvigil_dn *dn);
CTVIGIL_API struct ctvigil_bytes ctvigil_dn_value(const struct ctvigil_dn *dn);
CTVIGIL_API uint32_t
ctvigil_dn_tag(const struct ctvigil_dn *dn); /* identifier octet of the value: 0x0c ... */
CTVIGIL_API uint32_t ctvigil_dn_rdn(const struct ctvigil_dn *dn); /* attributes of one RDN share a number */
/* After the last attribute: was something unreadable? A string sent in parts is (X.690 section 8.7.3): its
 * tag has the bit 0x20, its value is the parts with their headers, and others may join them to a name.
 * Nothing is damaged about a Name that is absent: whether the certificate could be read says
 * ctvigil_cert_read. */
CTVIGIL_API bool ctvigil_dn_damaged(const struct ctvigil_dn *dn);

/* The value of an attribute as UTF-8 into out[cap], without a final NUL; returns the length. Twice the size
 * of the value and one more is always enough; what does not fit is left out at a character's border.
 * UTF8String is passed on as it is, well-formed or not. */
CTVIGIL_API size_t ctvigil_utf8(uint32_t tag, struct ctvigil_bytes value, char *out, size_t cap);
/* A whole Name as one line (RFC 4514, "CN=...,O=...") into out[cap] with a final NUL; control bytes are
 * escaped, text that does not fit ends in "..."; returns the length. `cap` is at least 8. For people: two
 * names with the same text may differ in their bytes. */
CTVIGIL_API size_t ctvigil_dn_text(struct ctvigil_bytes name, char *out, size_t cap);

/* ---- Extensions (RFC 5280 section 4.2) ------------------------------------------------------------------
 */

struct ctvigil_ext {
    uint64_t opaque[48];
};

CTVIGIL_API void ctvigil_ext_begin(struct ctvigil_ext *ext, const struct ctvigil_cert *cert);
CTVIGIL_API bool ctvigil_ext_next(struct ctvigil_ext *ext);
CTVIGIL_API struct ctvigil_bytes ctvigil_ext_oid(const struct ctvigil_ext *ext);
CTVIGIL_API bool ctvigil_ext_critical(const struct ctvigil_ext *ext);
/* Content of the OCTET STRING; absent when this extension could not be taken apart. */
CTVIGIL_API struct ctvigil_bytes ctvigil_ext_value(const struct ctvigil_ext *ext);
CTVIGIL_API struct ctvigil_bytes ctvigil_ext_whole(const struct ctvigil_ext *ext); /* with header */
/* After the last extension: may there be more? Also true when the certificate is cut off or its extensions
 * can not be found. */
CTVIGIL_API bool ctvigil_ext_damaged(const struct ctvigil_ext *ext);

/* "subjectAltName", "CN", "P-256"; NULL: an identifier that the library has no name for. `oid`: content
 * octets, here and below. */
CTVIGIL_API const char *ctvigil_oid_name(struct ctvigil_bytes oid);
/* Dotted decimal ("2.5.29.17") with a final NUL into out[CTVIGIL_OID_TEXT]; what is no identifier becomes "#"
 * and its hex, what is too long ends in "..". Returns out. */
#define CTVIGIL_OID_TEXT 512
CTVIGIL_API char *ctvigil_oid_text(struct ctvigil_bytes oid, char *out);

/* ---- What extensions say --------------------------------------------------------------------------------
 */

/* Walks over one extension each, of the certificate; a certificate without it has an empty walk. Their
 * _damaged tells after the last step whether there may be more in that extension that could not be read;
 * whether there may be extensions that nobody saw tells ctvigil_ext_damaged. */

/* Purposes of the key (RFC 5280 section 4.2.1.12). */
struct ctvigil_eku {
    uint64_t opaque[32];
};

CTVIGIL_API void ctvigil_eku_begin(struct ctvigil_eku *eku, const struct ctvigil_cert *cert);
CTVIGIL_API bool ctvigil_eku_next(struct ctvigil_eku *eku);
CTVIGIL_API struct ctvigil_bytes ctvigil_eku_oid(const struct ctvigil_eku *eku);
CTVIGIL_API bool ctvigil_eku_damaged(const struct ctvigil_eku *eku);

/* Certificate policies (section 4.2.1.4). */
struct ctvigil_policy {
    uint64_t opaque[32];
};

CTVIGIL_API void ctvigil_policy_begin(struct ctvigil_policy *policy, const struct ctvigil_cert *cert);
CTVIGIL_API bool ctvigil_policy_next(struct ctvigil_policy *policy);
CTVIGIL_API struct ctvigil_bytes ctvigil_policy_oid(const struct ctvigil_policy *policy);
/* URI of the first practice statement; content of the SEQUENCE of all qualifiers. */
CTVIGIL_API struct ctvigil_bytes ctvigil_policy_cps(const struct ctvigil_policy *policy);
CTVIGIL_API struct ctvigil_bytes ctvigil_policy_qualifiers(const struct ctvigil_policy *policy);
CTVIGIL_API bool ctvigil_policy_damaged(const struct ctvigil_policy *policy);

/* Authority information access (section 4.2.2.1): where OCSP and the issuer's certificate are. */
struct ctvigil_access {
    uint64_t opaque[32];
};

CTVIGIL_API void ctvigil_access_begin(struct ctvigil_access *access, const struct ctvigil_cert *cert);
CTVIGIL_API bool ctvigil_access_next(struct ctvigil_access *access);
CTVIGIL_API struct ctvigil_bytes ctvigil_access_method(const struct ctvigil_access *access); /* OID */
CTVIGIL_API int ctvigil_access_kind(const struct ctvigil_access *access); /* enum ctvigil_san_kind */
CTVIGIL_API struct ctvigil_bytes ctvigil_access_value(const struct ctvigil_access *access);
CTVIGIL_API bool ctvigil_access_damaged(const struct ctvigil_access *access);

/* CRL distribution points (section 4.2.1.13): every name of every point, and each point without a name. */
struct ctvigil_crl {
    uint64_t opaque[48];
};

CTVIGIL_API void ctvigil_crl_begin(struct ctvigil_crl *crl, const struct ctvigil_cert *cert);
CTVIGIL_API bool ctvigil_crl_next(struct ctvigil_crl *crl);
CTVIGIL_API uint32_t ctvigil_crl_point(const struct ctvigil_crl *crl);             /* from 0 */
CTVIGIL_API int ctvigil_crl_kind(const struct ctvigil_crl *crl);                   /* enum ctvigil_san_kind */
CTVIGIL_API struct ctvigil_bytes ctvigil_crl_value(const struct ctvigil_crl *crl); /* absent: no name */
/* Contents of nameRelativeToCRLIssuer, of the BIT STRING of reasons, of cRLIssuer. */
CTVIGIL_API struct ctvigil_bytes ctvigil_crl_relative(const struct ctvigil_crl *crl);
CTVIGIL_API struct ctvigil_bytes ctvigil_crl_reasons(const struct ctvigil_crl *crl);
CTVIGIL_API struct ctvigil_bytes ctvigil_crl_issuer(const struct ctvigil_crl *crl);
CTVIGIL_API bool ctvigil_crl_damaged(const struct ctvigil_crl *crl);

/* Name constraints of a CA (section 4.2.1.10): permitted and excluded subtrees. */
struct ctvigil_constraint {
    uint64_t opaque[48];
};

CTVIGIL_API void ctvigil_constraint_begin(struct ctvigil_constraint *constraint,
                                          const struct ctvigil_cert *cert);
CTVIGIL_API bool ctvigil_constraint_next(struct ctvigil_constraint *constraint);
CTVIGIL_API bool ctvigil_constraint_excluded(const struct ctvigil_constraint *constraint);
CTVIGIL_API int ctvigil_constraint_kind(const struct ctvigil_constraint *constraint);
CTVIGIL_API struct ctvigil_bytes ctvigil_constraint_value(const struct ctvigil_constraint *constraint);
/* A minimum or a maximum is written, which RFC 5280 forbids. */
CTVIGIL_API bool ctvigil_constraint_bounded(const struct ctvigil_constraint *constraint);
CTVIGIL_API bool ctvigil_constraint_damaged(const struct ctvigil_constraint *constraint);

/* Statements of qualified certificates (RFC 3739 section 3.2.6). */
struct ctvigil_qc {
    uint64_t opaque[32];
};

CTVIGIL_API void ctvigil_qc_begin(struct ctvigil_qc *qc, const struct ctvigil_cert *cert);
CTVIGIL_API bool ctvigil_qc_next(struct ctvigil_qc *qc);
CTVIGIL_API struct ctvigil_bytes ctvigil_qc_oid(const struct ctvigil_qc *qc);
CTVIGIL_API struct ctvigil_bytes ctvigil_qc_info(
    const struct ctvigil_qc *qc); /* with header; may be absent */
CTVIGIL_API bool ctvigil_qc_damaged(const struct ctvigil_qc *qc);

/* ---- Embedded SCTs (RFC 6962 section 3.3) ---------------------------------------------------------------
 */

struct ctvigil_sct {
    uint64_t opaque[48];
};

CTVIGIL_API void ctvigil_sct_begin(struct ctvigil_sct *sct, const struct ctvigil_cert *cert);
CTVIGIL_API bool ctvigil_sct_next(struct ctvigil_sct *sct);
CTVIGIL_API struct ctvigil_bytes ctvigil_sct_whole(const struct ctvigil_sct *sct);
CTVIGIL_API int ctvigil_sct_version(const struct ctvigil_sct *sct); /* 0 is v1 */
/* False: of another version, or damaged; then all that follows is absent, 0 or -1. */
CTVIGIL_API bool ctvigil_sct_readable(const struct ctvigil_sct *sct);
CTVIGIL_API struct ctvigil_bytes ctvigil_sct_log_id(const struct ctvigil_sct *sct); /* 32 octets */
CTVIGIL_API uint64_t ctvigil_sct_timestamp_ms(const struct ctvigil_sct *sct);       /* since 1970 */
CTVIGIL_API struct ctvigil_bytes ctvigil_sct_extensions(const struct ctvigil_sct *sct);
CTVIGIL_API int64_t ctvigil_sct_leaf_index(const struct ctvigil_sct *sct); /* static-ct; -1: none */
CTVIGIL_API int ctvigil_sct_hash_alg(const struct ctvigil_sct *sct); /* RFC 5246 7.4.1.4.1: 4 is SHA-256 */
CTVIGIL_API int ctvigil_sct_sig_alg(const struct ctvigil_sct *sct);  /* 1 RSA, 3 ECDSA */
CTVIGIL_API struct ctvigil_bytes ctvigil_sct_signature(const struct ctvigil_sct *sct);
CTVIGIL_API bool ctvigil_sct_damaged(const struct ctvigil_sct *sct);

/* ---- What precertificate and final certificate share ----------------------------------------------------
 */

/* The TBSCertificate without poison and without SCT list, lengths re-encoded (RFC 6962 section 3.2): the same
 * bytes for a precertificate, its leaf and its final certificate. It is given as pieces to be hashed or
 * compared one after the other; they point into the certificate and into this object, which must stay where
 * it is. */
struct ctvigil_common {
    uint64_t opaque[160];
};

/* False: the TBS can not be taken apart; then the one piece is the whole TBS, as it stands. */
CTVIGIL_API bool ctvigil_common_of(struct ctvigil_common *common, const struct ctvigil_cert *cert);
/* The same for a precertificate that a Precertificate Signing Certificate signed: issuer and authority key
 * identifier become those of `signer`. */
CTVIGIL_API bool ctvigil_common_of_signed(struct ctvigil_common *common, const struct ctvigil_cert *cert,
                                          const struct ctvigil_cert *signer);
CTVIGIL_API size_t ctvigil_common_count(const struct ctvigil_common *common);
CTVIGIL_API struct ctvigil_bytes ctvigil_common_piece(const struct ctvigil_common *common, size_t i);
CTVIGIL_API size_t ctvigil_common_size(const struct ctvigil_common *common); /* of all pieces together */

/* ---- Log entries (RFC 6962 sections 3.4 and 4.6, C2SP static-ct-api) ------------------------------------
 */

enum ctvigil_entry_kind {
    CTVIGIL_ENTRY_X509 = 0,
    CTVIGIL_ENTRY_PRECERT = 1,
    CTVIGIL_ENTRY_OPAQUE = 2 /* unknown version or type, or unreadable: the findings say which */
};

struct ctvigil_entry {
    uint64_t opaque[384];
};

/* One entry as get-entries gives it. Bytes that do not fit make it CTVIGIL_ENTRY_OPAQUE with findings. */
CTVIGIL_API void ctvigil_entry_read(struct ctvigil_entry *entry, struct ctvigil_bytes leaf_input,
                                    struct ctvigil_bytes extra_data);
CTVIGIL_API void ctvigil_entry_findings(const struct ctvigil_entry *entry, struct ctvigil_findings *findings);
CTVIGIL_API int ctvigil_entry_kind(const struct ctvigil_entry *entry);
CTVIGIL_API int64_t ctvigil_entry_timestamp_ms(const struct ctvigil_entry *entry);
/* The MerkleTreeLeaf: SHA-256 of a zero byte and these bytes is the leaf hash. */
CTVIGIL_API struct ctvigil_bytes ctvigil_entry_leaf(const struct ctvigil_entry *entry);
CTVIGIL_API struct ctvigil_bytes ctvigil_entry_der(const struct ctvigil_entry *entry); /* X509 */
CTVIGIL_API struct ctvigil_bytes ctvigil_entry_tbs(const struct ctvigil_entry *entry); /* PRECERT */
CTVIGIL_API struct ctvigil_bytes ctvigil_entry_issuer_key_hash(
    const struct ctvigil_entry *entry); /* PRECERT */
CTVIGIL_API struct ctvigil_bytes ctvigil_entry_extensions(const struct ctvigil_entry *entry);
CTVIGIL_API int64_t ctvigil_entry_leaf_index(const struct ctvigil_entry *entry); /* static-ct; -1: none */
/* Reads the certificate of an X509 entry, the TBS of a PRECERT entry. False as from ctvigil_cert_read, and
 * for an opaque entry. */
CTVIGIL_API bool ctvigil_entry_cert(const struct ctvigil_entry *entry, struct ctvigil_cert *cert);

/* What no leaf hash covers: a log may write here what it likes. The precertificate as it was submitted, the
 * certificates of the chain (RFC 6962, at most 16), SHA-256 of each of them one after the other (tiles). */
CTVIGIL_API struct ctvigil_bytes ctvigil_entry_unverified_precert(const struct ctvigil_entry *entry);
CTVIGIL_API size_t ctvigil_entry_unverified_chain_count(const struct ctvigil_entry *entry);
CTVIGIL_API struct ctvigil_bytes ctvigil_entry_unverified_chain(const struct ctvigil_entry *entry, size_t i);
CTVIGIL_API struct ctvigil_bytes ctvigil_entry_unverified_fingerprints(const struct ctvigil_entry *entry);

/* ---- Data tiles of static-ct logs (C2SP static-ct-api) ---------------------------------------------------
 */

struct ctvigil_tile {
    uint64_t opaque[16];
};

enum ctvigil_tile_status {
    CTVIGIL_TILE_ENTRY = 0, /* an entry was read */
    CTVIGIL_TILE_END = 1,   /* the tile is read to its end */
    CTVIGIL_TILE_LOST = 2,  /* what follows can not be read; the findings of `entry` say why */
    CTVIGIL_TILE_ROOM = 3   /* the room is too small; nothing was consumed */
};

/* `tile`: uncompressed; `first_index`: that of its first entry. */
CTVIGIL_API void ctvigil_tile_begin(struct ctvigil_tile *tile, struct ctvigil_bytes bytes,
                                    uint64_t first_index);
/* The next entry. Its leaf is put together in room[room_size] and must stay there as long as the entry is
 * used: ctvigil_tile_room bytes are enough, those that it takes are ctvigil_entry_leaf. */
CTVIGIL_API int ctvigil_tile_next(struct ctvigil_tile *tile, struct ctvigil_entry *entry, void *room,
                                  size_t room_size);
/* Enough for any entry of what is left of the tile. */
CTVIGIL_API size_t ctvigil_tile_room(const struct ctvigil_tile *tile);

/* "tile/data/x001/234" or "tile/0/x001/234.p/17" into out[CTVIGIL_TILE_PATH] with a final NUL; returns the
 * length. `level` -1 is data, at most 7; `width` 1 to 256, 256 is a full tile. 0: one of them is neither. */
#define CTVIGIL_TILE_PATH 64
CTVIGIL_API size_t ctvigil_tile_path(int level, uint64_t index, unsigned width, char *out);
/* Width of tile `index` of `level` (0 to 7; data tiles are as wide as level 0) in a tree of `size`: 0 to 256.
 */
CTVIGIL_API unsigned ctvigil_tile_width(int level, uint64_t index, uint64_t size);

/* ---- get-entries replies (RFC 6962 section 4.6) ----------------------------------------------------------
 */

/* The two members of an entry, decoded from base64. Absent: missing, given twice, no string or no base64. */
struct ctvigil_reply_item {
    struct ctvigil_bytes leaf_input;
    struct ctvigil_bytes extra_data;
};

/* Room that a reply of `json_size` bytes needs to be decoded into: about three quarters of it. */
CTVIGIL_API size_t ctvigil_reply_room(size_t json_size);
/* Decodes at most `items_max` entries into room[ctvigil_reply_room(json.size)], where the items point to;
 * entries beyond that are passed over. Any JSON that says the same is accepted: white space, order and
 * further members, escapes; a further member may nest 64 lists and objects, what nests deeper is refused. In
 * front of each leaf_input stands a zero byte in memory that may be hashed with it. False: not the JSON of
 * such a reply; *count is 0 and *error_at says at which byte that showed. */
CTVIGIL_API bool ctvigil_reply_read(struct ctvigil_bytes json, void *room, struct ctvigil_reply_item *items,
                                    size_t items_max, size_t *count, size_t *error_at);

#ifdef __cplusplus
}
#endif

#endif
