#include "simtree.h"

#include <stdlib.h>

#include "verify/digest.h"
#include "verify/merkle.h"

void simtree_fini(struct simtree *tree)
{
    for (size_t i = 0; i < SIMTREE_LEVELS; i++)
        free(tree->level[i].node);
    memset(tree, 0, sizeof *tree);
}

static void simtree_push(struct simtree_level *level, const uint8_t hash[32])
{
    if (level->count == level->cap) {
        level->cap = level->cap == 0 ? 256 : level->cap * 2;
        level->node = realloc(level->node, (size_t)level->cap * 32);
        must(level->node != NULL);
    }
    memcpy(level->node[level->count++], hash, 32);
}

void simtree_append(struct simtree *tree, const uint8_t leaf_hash[32])
{
    uint8_t hash[32];

    memcpy(hash, leaf_hash, 32);
    for (size_t i = 0;; i++) {
        must(i < SIMTREE_LEVELS);
        struct simtree_level *level = &tree->level[i];
        simtree_push(level, hash);
        if ((level->count & 1) != 0)
            return;
        merkle_node_hash(level->node[level->count - 2], level->node[level->count - 1], hash);
    }
}

uint64_t simtree_size(const struct simtree *tree)
{
    return tree->level[0].count;
}

/* The largest power of two below `size` (RFC 9162 section 2.1.1), as an exponent; size > 1. */
static unsigned simtree_split(uint64_t size)
{
    return 63u - (unsigned)__builtin_clzll(size - 1);
}

void simtree_hash(const struct simtree *tree, uint64_t begin, uint64_t end, uint8_t out[32])
{
    uint64_t size = end - begin;
    uint8_t right[32];
    unsigned height;

    must(begin <= end && end <= simtree_size(tree));
    if (size == 0) {
        digest_sha256(SPAN_NONE, out);
        return;
    }
    height = 63u - (unsigned)__builtin_clzll(size);
    must((begin & ((UINT64_C(1) << height) - 1)) == 0);
    if (size == UINT64_C(1) << height) {
        memcpy(out, tree->level[height].node[begin >> height], 32);
        return;
    }
    simtree_hash(tree, begin + (UINT64_C(1) << height), end, right);
    merkle_node_hash(tree->level[height].node[begin >> height], right, out);
}

size_t simtree_inclusion(const struct simtree *tree, uint64_t index, uint64_t size,
                         uint8_t path[SIMTREE_PATH_MAX][32])
{
    uint64_t begin = 0;
    uint64_t end = size;
    size_t count = 0;

    must(index < size);
    while (end - begin > 1) {
        uint64_t middle = begin + (UINT64_C(1) << simtree_split(end - begin));
        must(count < SIMTREE_PATH_MAX);
        if (index < middle) {
            simtree_hash(tree, middle, end, path[count++]);
            end = middle;
        } else {
            simtree_hash(tree, begin, middle, path[count++]);
            begin = middle;
        }
    }
    /* Written from the root down; a proof runs from the leaf up. */
    for (size_t i = 0; i < count / 2; i++) {
        uint8_t swap[32];
        memcpy(swap, path[i], 32);
        memcpy(path[i], path[count - 1 - i], 32);
        memcpy(path[count - 1 - i], swap, 32);
    }
    return count;
}

/* SUBPROOF(m, D[begin:end], whole) of RFC 9162 section 2.1.4.1. */
static size_t simtree_subproof(const struct simtree *tree, uint64_t m, uint64_t begin, uint64_t end,
                               bool whole, uint8_t path[SIMTREE_PATH_MAX][32])
{
    uint64_t half;
    size_t count;

    if (m == end - begin) {
        if (!whole)
            simtree_hash(tree, begin, end, path[0]);
        return whole ? 0 : 1;
    }
    half = UINT64_C(1) << simtree_split(end - begin);
    if (m <= half) {
        count = simtree_subproof(tree, m, begin, begin + half, whole, path);
        simtree_hash(tree, begin + half, end, path[count]);
    } else {
        count = simtree_subproof(tree, m - half, begin + half, end, false, path);
        simtree_hash(tree, begin, begin + half, path[count]);
    }
    return count + 1;
}

size_t simtree_consistency(const struct simtree *tree, uint64_t size1, uint64_t size2,
                           uint8_t path[SIMTREE_PATH_MAX][32])
{
    must(size1 > 0 && size1 <= size2);
    return simtree_subproof(tree, size1, 0, size2, true, path);
}

uint64_t simtree_find(const struct simtree *tree, const uint8_t leaf_hash[32], uint64_t size)
{
    for (uint64_t i = 0; i < size && i < simtree_size(tree); i++) {
        if (memcmp(tree->level[0].node[i], leaf_hash, 32) == 0)
            return i;
    }
    return UINT64_MAX;
}
