/* A Merkle tree that keeps every node of its perfect subtrees, so that roots, proofs and hash tiles of any
 * size are read and not computed. Grows only. Not thread-safe. */
#ifndef CTVIGIL_SIMTREE_H
#define CTVIGIL_SIMTREE_H

#include "base/span.h"

#define SIMTREE_LEVELS   40
#define SIMTREE_PATH_MAX 96

struct simtree_level {
    uint8_t (*node)[32];
    uint64_t count;
    uint64_t cap;
};

struct simtree {
    struct simtree_level level[SIMTREE_LEVELS];
};

void simtree_fini(struct simtree *tree);
void simtree_append(struct simtree *tree, const uint8_t leaf_hash[32]);
uint64_t simtree_size(const struct simtree *tree);
/* MTH(D[begin:end]) of RFC 9162 section 2.1.1, for a range whose begin is a multiple of a power of two not
 * smaller than its length (all that proofs need), or begin == 0. */
void simtree_hash(const struct simtree *tree, uint64_t begin, uint64_t end, uint8_t out[32]);
/* Audit path of leaf `index` in the tree of `size`; returns its length. */
size_t simtree_inclusion(const struct simtree *tree, uint64_t index, uint64_t size,
                         uint8_t path[SIMTREE_PATH_MAX][32]);
/* Consistency proof between the trees of size1 and size2, 0 < size1 <= size2. */
size_t simtree_consistency(const struct simtree *tree, uint64_t size1, uint64_t size2,
                           uint8_t path[SIMTREE_PATH_MAX][32]);
/* Index of the first leaf with this hash below `size`; UINT64_MAX: none. */
uint64_t simtree_find(const struct simtree *tree, const uint8_t leaf_hash[32], uint64_t size);

#endif
