#include "verify/merkle.h"

#include "verify/digest.h"

#define MERKLE_TOGETHER 64 /* nodes hashed in one call */

static unsigned merkle_ones(uint64_t value)
{
    return (unsigned)__builtin_popcountll(value);
}

static unsigned merkle_bits(uint64_t value)
{
    return value == 0 ? 0 : 64u - (unsigned)__builtin_clzll(value);
}

void merkle_leaf_hash(struct span leaf_input, uint8_t out[32])
{
    const uint8_t prefix = 0x00;
    struct span pieces[2] = {span_of(&prefix, 1), leaf_input};

    digest_sha256_pieces(pieces, 2, out);
}

void merkle_node_hash(const uint8_t left[32], const uint8_t right[32], uint8_t out[32])
{
    uint8_t node[65];

    node[0] = 0x01;
    memcpy(node + 1, left, 32);
    memcpy(node + 33, right, 32);
    digest_sha256(span_of(node, sizeof node), out);
}

void merkle_append(struct compact *compact, const uint8_t leaf_hash[32])
{
    unsigned count = merkle_ones(compact->size);

    must(compact->size < UINT64_MAX);
    memcpy(compact->hash[count], leaf_hash, 32);
    /* Each trailing one of the old size is a perfect subtree of the height that the new node has just
     * reached. */
    for (uint64_t rest = compact->size; (rest & 1) != 0; rest >>= 1) {
        must(count > 0);
        merkle_node_hash(compact->hash[count - 1], compact->hash[count], compact->hash[count - 1]);
        count--;
    }
    compact->size++;
}

/* Hashes `count` pairs of the row [left,] node[0], node[1], ... into node[0], node[1], ... */
static void merkle_pairs(const uint8_t *left, uint8_t (*node)[32], size_t count)
{
    static const uint8_t prefix = 0x01;
    struct span piece[MERKLE_TOGETHER][3];
    struct digest_job job[MERKLE_TOGETHER];
    uint8_t up[MERKLE_TOGETHER][32];
    size_t back = left != NULL ? 1 : 0;

    for (size_t done = 0; done < count;) {
        size_t part = count - done < MERKLE_TOGETHER ? count - done : MERKLE_TOGETHER;
        for (size_t i = 0; i < part; i++) {
            size_t at = 2 * (done + i);
            const uint8_t *first = back != 0 && at == 0 ? left : node[at - back];
            piece[i][0] = span_of(&prefix, 1);
            piece[i][1] = span_of(first, 32);
            piece[i][2] = span_of(node[at + 1 - back], 32);
            job[i] = (struct digest_job){piece[i], countof(piece[i]), up[i]};
        }
        digest_many(job, part);
        /* All that is read later stands behind what is written here. */
        memcpy(node[done], up, 32 * part);
        done += part;
    }
}

void merkle_append_many(struct compact *compact, uint8_t (*node)[32], size_t count)
{
    unsigned old = merkle_ones(compact->size);
    uint8_t last[COMPACT_MAX][32]; /* what has no right neighbour, from the lowest level up */
    unsigned last_count = 0;
    uint64_t size = compact->size + count;

    must(size >= compact->size);
    /* Binary addition: a carry is a node that was made from two. */
    for (uint64_t rest = compact->size; count > 0; rest >>= 1) {
        const uint8_t *left = (rest & 1) != 0 ? compact->hash[--old] : NULL;
        size_t row = count + (left != NULL ? 1 : 0);
        if (row % 2 != 0)
            memcpy(last[last_count++], node[count - 1], 32);
        count = row / 2;
        merkle_pairs(left, node, count);
    }
    must(old + last_count == merkle_ones(size));
    for (unsigned i = 0; i < last_count; i++)
        memcpy(compact->hash[old + i], last[last_count - 1 - i], 32);
    compact->size = size;
}

void merkle_append_tree(struct compact *compact, const uint8_t root[32], unsigned height)
{
    unsigned count = merkle_ones(compact->size);
    uint8_t node[32];

    must(height < 64 && (compact->size & ((UINT64_C(1) << height) - 1)) == 0);
    memcpy(node, root, 32);
    for (uint64_t rest = compact->size >> height; (rest & 1) != 0; rest >>= 1) {
        must(count > 0);
        merkle_node_hash(compact->hash[--count], node, node);
    }
    memcpy(compact->hash[count], node, 32);
    must(compact->size <= UINT64_MAX - (UINT64_C(1) << height));
    compact->size += UINT64_C(1) << height;
}

unsigned merkle_span_height(uint64_t at, uint64_t size)
{
    unsigned height = 0;
    must(at < size);
    while (height < 62 && (at >> height & 1) == 0 && size - at >= UINT64_C(2) << height)
        height++;
    return height;
}

void merkle_root(const struct compact *compact, uint8_t out[32])
{
    unsigned count = merkle_ones(compact->size);

    if (count == 0) {
        digest_sha256(SPAN_NONE, out);
        return;
    }
    memcpy(out, compact->hash[count - 1], 32);
    for (unsigned i = count - 1; i > 0; i--)
        merkle_node_hash(compact->hash[i - 1], out, out);
}

bool merkle_from_last_leaf(struct compact *compact, uint64_t size, const uint8_t leaf_hash[32],
                           const uint8_t (*path)[32], size_t path_count)
{
    if (size == 0 || path_count != merkle_ones(size - 1))
        return false;
    memset(compact, 0, sizeof *compact);
    compact->size = size - 1;
    for (size_t i = 0; i < path_count; i++)
        memcpy(compact->hash[i], path[path_count - 1 - i], 32);
    merkle_append(compact, leaf_hash);
    return true;
}

/* Where the walk from a leaf to the root stands: `at` is the node's number in its level, `last` that of the
 * level's last node. Both verifiers climb by the same rule. */
struct merkle_climb {
    uint64_t at;
    uint64_t last;
};

/* One path node was used; true when it stood on the left. */
static bool merkle_climb_left(const struct merkle_climb *climb)
{
    return (climb->at & 1) != 0 || climb->at == climb->last;
}

static void merkle_climb_up(struct merkle_climb *climb)
{
    if (merkle_climb_left(climb)) {
        /* A lone last node is handed up unchanged until it is somebody's right child. */
        while ((climb->at & 1) == 0 && climb->at != 0) {
            climb->at >>= 1;
            climb->last >>= 1;
        }
    }
    climb->at >>= 1;
    climb->last >>= 1;
}

bool merkle_verify_inclusion(const uint8_t leaf_hash[32], uint64_t index, uint64_t size,
                             const uint8_t (*path)[32], size_t path_count, const uint8_t root[32])
{
    uint8_t hash[32];
    unsigned inner;

    if (index >= size)
        return false;
    /* Index and size alone say how long the path is; no other length is worth a hash. */
    inner = merkle_bits(index ^ (size - 1));
    if (path_count != inner + (inner < 64 ? merkle_ones(index >> inner) : 0))
        return false;

    struct merkle_climb climb = {index, size - 1};
    memcpy(hash, leaf_hash, 32);
    for (size_t i = 0; i < path_count; i++) {
        if (merkle_climb_left(&climb))
            merkle_node_hash(path[i], hash, hash);
        else
            merkle_node_hash(hash, path[i], hash);
        merkle_climb_up(&climb);
    }
    return climb.last == 0 && memcmp(hash, root, 32) == 0;
}

bool merkle_verify_consistency(uint64_t size1, const uint8_t root1[32], uint64_t size2,
                               const uint8_t root2[32], const uint8_t (*path)[32], size_t path_count)
{
    struct merkle_climb climb = {size1 - 1, size2 - 1};
    uint8_t old_root[32];
    uint8_t new_root[32];
    size_t used = 0;

    if (size1 == 0 || size1 > size2)
        return false;
    if (size1 == size2)
        return path_count == 0 && memcmp(root1, root2, 32) == 0;
    if (path_count == 0)
        return false;

    while ((climb.at & 1) != 0) {
        climb.at >>= 1;
        climb.last >>= 1;
    }
    /* A perfect old tree is itself the first node; the log leaves it out of the path. */
    memcpy(old_root, merkle_ones(size1) == 1 ? root1 : path[used++], 32);
    memcpy(new_root, old_root, 32);
    for (; used < path_count; used++) {
        if (climb.last == 0)
            return false;
        if (merkle_climb_left(&climb)) {
            merkle_node_hash(path[used], old_root, old_root);
            merkle_node_hash(path[used], new_root, new_root);
        } else {
            merkle_node_hash(new_root, path[used], new_root);
        }
        merkle_climb_up(&climb);
    }
    return climb.last == 0 && memcmp(old_root, root1, 32) == 0 && memcmp(new_root, root2, 32) == 0;
}
