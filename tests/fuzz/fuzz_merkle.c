/* Proofs are for one tree only. The input makes a tree and a claim about it; an accepted claim must be the
 * true one, and the true proof must be accepted. */
#include "base/cur.h"
#include "verify/merkle.h"

#define FUZZ_LEAVES 64
#define FUZZ_PATH   72

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_mth(uint8_t (*leaf)[32], size_t n, uint8_t out[32])
{
    uint8_t left[32], right[32];
    size_t k = 1;

    if (n == 1) {
        memcpy(out, leaf[0], 32);
        return;
    }
    while (k * 2 < n)
        k *= 2;
    fuzz_mth(leaf, k, left);
    fuzz_mth(leaf + k, n - k, right);
    merkle_node_hash(left, right, out);
}

static size_t fuzz_path(uint8_t (*leaf)[32], size_t m, size_t n, uint8_t (*out)[32])
{
    size_t k = 1;
    size_t count;

    if (n == 1)
        return 0;
    while (k * 2 < n)
        k *= 2;
    if (m < k) {
        count = fuzz_path(leaf, m, k, out);
        fuzz_mth(leaf + k, n - k, out[count]);
    } else {
        count = fuzz_path(leaf + k, m - k, n - k, out);
        fuzz_mth(leaf, k, out[count]);
    }
    return count + 1;
}

/* In two goes, and each go at once. */
static void fuzz_append_many(uint8_t (*leaf)[32], size_t m, size_t n, const uint8_t root[32])
{
    uint8_t room[FUZZ_LEAVES][32], got[32];
    struct compact compact = {0};

    memcpy(room, leaf, 32 * n);
    merkle_append_many(&compact, room, m);
    memcpy(room, leaf, 32 * n);
    merkle_append_many(&compact, room + m, n - m);
    merkle_root(&compact, got);
    must(memcmp(root, got, 32) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cur cur = cur_of(span_of(data, size));
    size_t n = (size_t)cur_uint(&cur, 1) % FUZZ_LEAVES + 1;
    size_t m = (size_t)cur_uint(&cur, 1) % n;
    uint64_t index = cur_uint(&cur, 8);
    uint64_t claimed = cur_uint(&cur, 8);
    size_t count = (size_t)cur_uint(&cur, 1) % FUZZ_PATH;
    uint8_t leaf[FUZZ_LEAVES][32], path[FUZZ_PATH][32], proof[FUZZ_PATH][32];
    uint8_t root[32], got[32], old[32];
    struct compact compact = {0};

    memset(path, 0, sizeof path);
    for (size_t i = 0; i < count && cur_left(&cur) >= 32; i++)
        memcpy(path[i], cur_bytes(&cur, 32).at, 32);
    for (size_t i = 0; i < n; i++) {
        merkle_leaf_hash(span_of(&i, sizeof i), leaf[i]);
        merkle_append(&compact, leaf[i]);
    }
    merkle_root(&compact, got);
    fuzz_mth(leaf, n, root);
    must(memcmp(root, got, 32) == 0);
    fuzz_append_many(leaf, m, n, root);

    size_t proof_len = fuzz_path(leaf, m, n, proof);
    must(merkle_verify_inclusion(leaf[m], m, n, (const uint8_t(*)[32])proof, proof_len, root));
    /* The same proof for any other place or size: a path of the right length that still ends in this root
     * would be a collision, or the same walk through the tree. */
    if (merkle_verify_inclusion(leaf[m], index, n, (const uint8_t(*)[32])proof, proof_len, root))
        must(index == m);
    /* What the input brings is no proof of anything. */
    must(!merkle_verify_inclusion(leaf[m], index, claimed, (const uint8_t(*)[32])path, count, root) ||
         (n == 1 && claimed == 1 && count == 0));
    fuzz_mth(leaf, m + 1, old);
    if (merkle_verify_consistency(m + 1, old, claimed, root, (const uint8_t(*)[32])path, count))
        must(claimed == m + 1 && m + 1 == n && count == 0);
    if (merkle_verify_consistency(index, old, claimed, old, (const uint8_t(*)[32])path, count))
        must(index == claimed && count == 0);
    if (merkle_from_last_leaf(&compact, claimed, leaf[0], (const uint8_t(*)[32])path, count))
        must(compact.size == claimed && count == (size_t)__builtin_popcountll(claimed - 1));
    return 0;
}
