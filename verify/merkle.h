/* Merkle tree hashing, the frontier, and proofs (RFC 6962 section 2.1, RFC 9162 section 2.1). Pure; needs
 * libcrypto through verify/digest.h. It does not fetch, does not know of logs and does not check signatures.
 */
#ifndef CTVIGIL_MERKLE_H
#define CTVIGIL_MERKLE_H

#include "model/compact.h"

/* SHA-256(0x00 || leaf_input). */
void merkle_leaf_hash(struct span leaf_input, uint8_t out[32]);
/* SHA-256(0x01 || left || right). out may be left or right. */
void merkle_node_hash(const uint8_t left[32], const uint8_t right[32], uint8_t out[32]);

/* Appends one leaf hash. */
void merkle_append(struct compact *compact, const uint8_t leaf_hash[32]);
/* The same as merkle_append for each of `count` leaf hashes in turn, faster: the nodes of a level are hashed
 * side by side. Uses `node` up: what is in it afterwards means nothing. */
void merkle_append_many(struct compact *compact, uint8_t (*node)[32], size_t count);
/* Appends the root of a perfect tree of 2^height leaves; the size must be a multiple of that. */
void merkle_append_tree(struct compact *compact, const uint8_t root[32], unsigned height);
/* Of the perfect trees that lie side by side from `at` to `size`, `at` < `size`: the height of the first one.
 */
unsigned merkle_span_height(uint64_t at, uint64_t size);
/* Root of the tree so far; SHA-256("") for size 0. */
void merkle_root(const struct compact *compact, uint8_t out[32]);
/* Makes the compact range of `size` from an inclusion proof of its last leaf: audit_path of leaf size-1 in a
 * tree of `size` (protocol.md 1.8). False when the path has the wrong length. The caller compares the root.
 */
MUST_USE bool merkle_from_last_leaf(struct compact *compact, uint64_t size, const uint8_t leaf_hash[32],
                                    const uint8_t (*path)[32], size_t path_count);

/* RFC 9162 section 2.1.3.2. False: does not verify, including a path of the wrong length and index >= size.
 */
MUST_USE bool merkle_verify_inclusion(const uint8_t leaf_hash[32], uint64_t index, uint64_t size,
                                      const uint8_t (*path)[32], size_t path_count, const uint8_t root[32]);
/* RFC 9162 section 2.1.4.2, with 0 < size1 <= size2; size1 == 0 verifies nothing and is refused here (every
 * tree is consistent with the empty one; callers decide that themselves). */
MUST_USE bool merkle_verify_consistency(uint64_t size1, const uint8_t root1[32], uint64_t size2,
                                        const uint8_t root2[32], const uint8_t (*path)[32],
                                        size_t path_count);

#endif
