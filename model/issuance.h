/* One issuance: what precertificate and final certificate have in common and what is known of it, whether it
 * comes from a log entry or from a stored row. This is what policies judge and the database keeps. */
#ifndef CTVIGIL_ISSUANCE_H
#define CTVIGIL_ISSUANCE_H

#include "model/finding.h"
#include "model/name.h"

enum issuance_form {
    ISSUANCE_FINAL = 0,
    ISSUANCE_PRECERT = 1,
    /* A certificate with the critical poison in an entry for final ones (FINDING_POISON_IN_FINAL). No client
     * takes it, so it is no final certificate; its leaf commits to no issuer and is what no SCT promises, so
     * it is no precertificate either. */
    ISSUANCE_POISONED = 2
};

struct issuance {
    uint8_t tbs_fp[32];             /* SHA-256 of the TBS without CT extensions (protocol.md 1.9) */
    uint8_t issuer_spki_sha256[32]; /* key that signs the final certificate; zero when unknown */
    uint8_t spki_sha256[32];
    bool issuer_known;  /* false: issuer_spki_sha256 is zero, no issuer certificate was to be had */
    bool issuer_proven; /* covered by the leaf hash (precert), or the signature was checked with that key */
    struct span issuer; /* Name, DER */
    struct span serial; /* content octets */
    struct span subject_cn; /* last common name, visible text as found; absent when there is none */
    int64_t not_before;     /* Unix seconds */
    int64_t not_after;
    uint32_t cert_flags; /* enum cert_flag */
    uint32_t key_bits;
    uint8_t key_alg; /* enum cert_key_alg */
    uint8_t signing; /* enum signing */
    struct name *names;
    size_t name_count;
    struct span *orgs; /* organisations of the subject (2.5.4.10), text as found; at most LIMIT_ORGS */
    size_t org_count;
    struct name
        *found; /* names as they stand there where `names` does not say it: kind, raw (parser/asfound.h) */
    size_t found_count;
    struct finding_set findings;
};

/* Where and when a log showed it. */
struct sighting {
    int32_t log_id; /* struct ctlog id */
    uint64_t index;
    int64_t timestamp_ms;
    uint8_t sha256[32]; /* of the certificate; of the precertificate for a precert entry, zero
                           when the log sent none that fits */
    enum issuance_form form;
    bool verified;
};

/* Inclusive length in seconds (RFC 5280 section 4.1.2.5): notAfter - notBefore + 1. */
int64_t issuance_validity_s(const struct issuance *issuance);
bool issuance_has_placeholder(const struct issuance *issuance);
/* Place of the DNS name that is byte for byte the common name, name_count when there is none: the one that
 * people and the stored row (cert.names) see first. */
size_t issuance_cn_name(const struct issuance *issuance);
/* Is there a certificate that rules can be held against? False: nothing was read as far as the issuer, so
 * tbs_fp is at best a hash of some bytes, and every other member is a default that nobody wrote. */
bool issuance_is_parsed(const struct issuance *issuance);
const char *issuance_form_name(enum issuance_form form); /* "final", "precert", "poisoned" */

#endif
