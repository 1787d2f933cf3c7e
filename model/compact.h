/* A compact range (frontier) of a Merkle tree: the roots of the perfect subtrees of the binary digits of
 * `size`, the largest first (RFC 9162 section 2.1; protocol.md 1.8). It is all the state that appending
 * needs. */
#ifndef CTVIGIL_COMPACT_H
#define CTVIGIL_COMPACT_H

#include "base/span.h"

#define COMPACT_MAX 64

struct compact {
    uint64_t size;
    uint8_t hash[COMPACT_MAX][32]; /* popcount(size) of them are set */
};

/* Bytes of the stored form: u64 size, then the hashes. */
#define COMPACT_BYTES_MAX (8 + 32 * COMPACT_MAX)

size_t compact_count(const struct compact *compact); /* popcount(size) */
/* Writes the stored form; returns its length. */
size_t compact_store(const struct compact *compact, uint8_t out[COMPACT_BYTES_MAX]);
/* False: not a stored form. */
MUST_USE bool compact_load(struct compact *compact, struct span stored);

#endif
