/* One log entry on its way through the pipeline. Both protocols meet here; nothing behind it knows which one
 * spoke. */
#ifndef CTVIGIL_ENTRY_H
#define CTVIGIL_ENTRY_H

#include "model/cert.h"
#include "model/issuance.h"

enum entry_kind { ENTRY_X509, ENTRY_PRECERT, ENTRY_OPAQUE };

#define ENTRY_CHAIN_MAX 16

struct entry {
    uint64_t index;
    enum entry_kind kind; /* OPAQUE: unknown version or type, or unreadable: hashed, kept raw, alerted on */
    int64_t timestamp_ms;
    struct span leaf;     /* the MerkleTreeLeaf bytes (leaf_input), contiguous */
    struct span extra;    /* RFC 6962 extra_data as sent; for a tile the bytes after the leaf. Unverified. */
    struct span cert_der; /* ENTRY_X509: inside leaf */
    struct span tbs;      /* ENTRY_PRECERT: inside leaf */
    struct span issuer_key_hash;                   /* ENTRY_PRECERT: 32 bytes inside leaf */
    struct span extensions;                        /* CtExtensions */
    struct span unverified_precert;                /* ENTRY_PRECERT: pre_certificate from extra */
    struct span unverified_chain[ENTRY_CHAIN_MAX]; /* RFC 6962: issuer certificates, DER */
    struct span unverified_fingerprints;           /* static-ct: 32 bytes per issuer certificate */
    uint32_t chain_count;
    int64_t leaf_index; /* from the extension; -1: none */
    uint8_t leaf_hash[32];
    struct cert cert;
    struct issuance issuance;
    struct sighting sighting;
    bool concerned; /* some registered domain, or it could be; as of the last commit that was tried */
    struct finding_set
        findings; /* of the entry; those of the certificate are in cert and, merged, in issuance */
};

#endif
