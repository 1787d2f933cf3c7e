/* How an entry looks on the wire: MerkleTreeLeaf, extra_data (RFC 6962 sections 3.4 and 4.6) and TileLeaf
 * (C2SP static-ct-api), written and taken apart. On purpose not the parser of the product: two that agree are
 * worth more. */
#ifndef CTVIGIL_SIMFORM_H
#define CTVIGIL_SIMFORM_H

#include "base/buf.h"
#include "base/cur.h"

#define SIMFORM_X509    0
#define SIMFORM_PRECERT 1

#define SIMFORM_CHAIN_MAX 32

/* One entry taken apart; spans into the input. */
struct simform {
    struct span leaf;    /* MerkleTreeLeaf; for a tile without its first two bytes */
    struct span precert; /* absent when the type is not precert */
    struct span chain[SIMFORM_CHAIN_MAX];
    size_t chain_count;
    struct span fingerprints; /* static-ct: 32 bytes each */
};

void simform_leaf_x509(struct buf *out, int64_t timestamp_ms, struct span cert, struct span extensions);
void simform_leaf_precert(struct buf *out, int64_t timestamp_ms, const uint8_t issuer_key_hash[32],
                          struct span tbs, struct span extensions);
/* The eight bytes of CtExtensions with leaf_index. */
void simform_leaf_index(struct buf *out, uint64_t index);
/* u24 total and the certificates: the chain as extra_data has it. */
void simform_chain(struct buf *out, const struct span *certs, size_t count);

/* Reads extra_data that belongs to `leaf_input`; false when it does not fit. */
MUST_USE bool simform_read(struct span leaf_input, struct span extra_data, struct simform *out);
/* Reads the next TileLeaf; false when it does not fit. */
MUST_USE bool simform_read_tile(struct cur *tile, struct simform *out);

/* Serialized SCT list (RFC 6962 section 3.3) with one SCT. */
void simform_sct_list(struct buf *out, const uint8_t log_id[32], int64_t timestamp_ms, struct span extensions,
                      struct span digitally_signed);

/* Standard base64 with padding at the end of `out`. */
void simform_base64(struct buf *out, struct span bytes);

#endif
