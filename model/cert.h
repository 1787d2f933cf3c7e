/* What the parser saw in one certificate: spans into the input. Nothing is copied, nothing is normalised; the
 * parser's iterators (parser/ext.h, san.h, dn.h, sctlist.h) walk the spans again when somebody wants the
 * details. */
#ifndef CTVIGIL_CERT_H
#define CTVIGIL_CERT_H

#include "base/span.h"
#include "model/finding.h"

enum cert_key_alg {
    CERT_KEY_UNKNOWN,
    CERT_KEY_RSA,
    CERT_KEY_RSA_PSS,
    CERT_KEY_EC,
    CERT_KEY_ED25519,
    CERT_KEY_ED448,
    CERT_KEY_DSA,
    CERT_KEY_ML_DSA,
};

enum cert_flag {
    CERT_IS_CA = 1, /* basicConstraints cA TRUE */
    CERT_HAS_BC = 2,
    CERT_POISON = 4, /* critical: a precertificate. One that is not is FINDING_POISON_FORM and no more. */
    CERT_SERVER_AUTH = 8,
    CERT_CLIENT_AUTH = 16,
    CERT_ANY_EKU = 32,
    CERT_PRECERT_SIGNING = 64, /* EKU 1.3.6.1.4.1.11129.2.4.4 */
    CERT_POLICY_DV = 128,
    CERT_POLICY_OV = 256,
    CERT_POLICY_IV = 512,
    CERT_POLICY_EV = 1024,
    CERT_HAS_EKU = 2048,
    CERT_SAN_DUPLICATE = 4096, /* more than one SAN extension: iterate over all of exts */
    CERT_SAN_CRITICAL = 8192,
    CERT_SELF_ISSUED = 16384, /* issuer and subject are byte-equal and not empty */
    /* Of an issuance alone (ingest/examine.c): it was seen as a whole certificate that is no precertificate
     * and has no SCT list. */
    CERT_NO_SCTS = 32768,
};

struct cert {
    struct span der;         /* whole Certificate; absent when the input was a bare TBS (precert leaf) */
    struct span tbs;         /* TBSCertificate with its header */
    struct span serial;      /* content octets of the INTEGER */
    struct span tbs_sig_oid; /* OID content octets inside the TBS */
    struct span sig_oid;     /* of the outer AlgorithmIdentifier; absent for a bare TBS */
    struct span sig;         /* signature bits without the unused-bits octet */
    struct span issuer;      /* Name with header */
    struct span subject;
    struct span spki;       /* SubjectPublicKeyInfo with header */
    struct span key_oid;    /* OID content octets */
    struct span curve_oid;  /* EC: named curve */
    struct span exts;       /* content of the Extensions SEQUENCE; absent when there is none */
    struct span exts_outer; /* the whole [3] element with header */
    struct span san;        /* extnValue content of the first subjectAltName */
    struct span sct_list;   /* extnValue content of the SCT list extension */
    struct span aki;        /* extnValue content */
    struct span aki_key_id; /* keyIdentifier octets */
    struct span ski;        /* key identifier octets */
    struct span eku;        /* extnValue contents */
    struct span key_usage;
    struct span policies;
    struct span aia;
    struct span crl_points;
    struct span name_constraints;
    int64_t not_before; /* Unix seconds; see FINDING_TIME_UNREADABLE */
    int64_t not_after;
    int32_t version;  /* 1, 2, 3; anything else as found */
    int32_t path_len; /* -1: none */
    uint32_t key_bits;
    uint32_t ext_count;
    uint32_t flags;          /* enum cert_flag */
    uint16_t key_usage_bits; /* bit 0 (digitalSignature) is 0x8000 */
    enum cert_key_alg key_alg;
    struct finding_set findings;
};

/* Value of not_before/not_after when FINDING_TIME_UNREADABLE is set: earliest and latest, so that nothing is
 * hidden. */
#define CERT_TIME_MIN (-62135596800) /* 0001-01-01T00:00:00Z */
#define CERT_TIME_MAX 253402300799   /* 9999-12-31T23:59:59Z */

const char *cert_key_alg_name(enum cert_key_alg alg); /* "RSA", "EC", "Ed25519", ... as in corpus/README.md */

#endif
