/* Signatures of embedded SCTs (RFC 6962 section 3.2): what a log signs when it promises to take in a
 * precertificate is the leaf of the entry, byte for byte. A good signature therefore says exactly which entry
 * was promised. */
#ifndef CTVIGIL_SCTSIG_H
#define CTVIGIL_SCTSIG_H

#include "base/buf.h"
#include "base/err.h"
#include "model/ctlog.h"

struct sctsig {
    uint64_t timestamp_ms;
    const uint8_t *issuer_key_hash; /* 32 octets: SHA-256 of the SubjectPublicKeyInfo of the issuing CA */
    struct span tbs;                /* without CT extensions (parser/precert.h) */
    struct span extensions;         /* of the SCT */
    struct span digitally_signed;
};

/* Appends the leaf of the promised entry (MerkleTreeLeaf, version 1, precert_entry). */
void sctsig_leaf(const struct sctsig *sct, struct buf *out);
/* As logkey_verify: ERR_FORMAT, ERR_SIGNATURE, ERR_KEY. ERR_TOO_BIG: no leaf has so many bytes. */
MUST_USE enum err_code sctsig_verify(const struct ctlog *log, const struct sctsig *sct, struct err *why);

#endif
