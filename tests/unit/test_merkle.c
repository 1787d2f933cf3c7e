#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <openssl/evp.h>

#include "vecfile.h"
#include "verify/merkle.h"

#define LEAVES    5000
#define SMALL     70
#define PATH_MAX_ 70

static uint8_t leaf[LEAVES][32];

/* The definitions of RFC 9162 section 2.1, written down as they stand there: slow, and independent of ours.
 */

static void slow_node(const uint8_t *left, const uint8_t *right, uint8_t *out)
{
    uint8_t node[65] = {1};

    memcpy(node + 1, left, 32);
    memcpy(node + 33, right, 32);
    assert_int_equal(EVP_Digest(node, sizeof node, out, NULL, EVP_sha256(), NULL), 1);
}

static size_t slow_split(size_t n)
{
    size_t k = 1;

    while (k * 2 < n)
        k *= 2;
    return k;
}

static void slow_mth(size_t begin, size_t n, uint8_t *out)
{
    uint8_t left[32], right[32];
    size_t k;

    if (n == 0) {
        assert_int_equal(EVP_Digest("", 0, out, NULL, EVP_sha256(), NULL), 1);
        return;
    }
    if (n == 1) {
        memcpy(out, leaf[begin], 32);
        return;
    }
    k = slow_split(n);
    slow_mth(begin, k, left);
    slow_mth(begin + k, n - k, right);
    slow_node(left, right, out);
}

static size_t slow_path(size_t m, size_t begin, size_t n, uint8_t (*out)[32])
{
    size_t k, count;

    if (n == 1)
        return 0;
    k = slow_split(n);
    if (m < k) {
        count = slow_path(m, begin, k, out);
        slow_mth(begin + k, n - k, out[count]);
    } else {
        count = slow_path(m - k, begin + k, n - k, out);
        slow_mth(begin, k, out[count]);
    }
    return count + 1;
}

static size_t slow_subproof(size_t m, size_t begin, size_t n, bool whole, uint8_t (*out)[32])
{
    size_t k, count;

    if (m == n) {
        if (!whole)
            slow_mth(begin, n, out[0]);
        return whole ? 0 : 1;
    }
    k = slow_split(n);
    if (m <= k) {
        count = slow_subproof(m, begin, k, whole, out);
        slow_mth(begin + k, n - k, out[count]);
    } else {
        count = slow_subproof(m - k, begin + k, n - k, false, out);
        slow_mth(begin, k, out[count]);
    }
    return count + 1;
}

/* Shorthands: C11 does not add const to an array behind a pointer by itself. */
static bool inclusion(size_t index, size_t size, uint8_t (*path)[32], size_t count, const uint8_t *root)
{
    return merkle_verify_inclusion(leaf[index % LEAVES], index, size, (const uint8_t(*)[32])path, count,
                                   root);
}

static bool consistency(uint64_t size1, const uint8_t *root1, uint64_t size2, const uint8_t *root2,
                        uint8_t (*path)[32], size_t count)
{
    return merkle_verify_consistency(size1, root1, size2, root2, (const uint8_t(*)[32])path, count);
}

static int make_leaves(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEAVES; i++)
        merkle_leaf_hash(span_of(&i, sizeof i), leaf[i]);
    return 0;
}

static void leaf_and_node(void **state)
{
    uint8_t bytes[4] = {0, 'a', 'b', 'c'};
    uint8_t expected[32], got[32];

    (void)state;
    assert_int_equal(EVP_Digest(bytes, 4, expected, NULL, EVP_sha256(), NULL), 1);
    merkle_leaf_hash(SPAN_LIT("abc"), got);
    assert_memory_equal(got, expected, 32);
    slow_node(leaf[0], leaf[1], expected);
    memcpy(got, leaf[0], 32);
    merkle_node_hash(got, leaf[1], got);
    assert_memory_equal(got, expected, 32);
    memcpy(got, leaf[1], 32);
    merkle_node_hash(leaf[0], got, got);
    assert_memory_equal(got, expected, 32);
}

static void roots(void **state)
{
    struct compact compact = {0};
    uint8_t expected[32], got[32];

    (void)state;
    for (size_t n = 0; n <= LEAVES; n++) {
        if (n <= 300 || n % 487 == 0) {
            slow_mth(0, n, expected);
            merkle_root(&compact, got);
            assert_memory_equal(got, expected, 32);
        }
        assert_int_equal(compact.size, n);
        if (n < LEAVES)
            merkle_append(&compact, leaf[n]);
    }
}

/* From every size, any number of leaves at once: the same frontier as one by one. */
static void append_many(void **state)
{
    static uint8_t room[LEAVES][32];
    static const size_t counts[] = {0,   1,   2,   3,   4,   7,   63,  64,  65,
                                    127, 128, 129, 130, 255, 256, 257, 511, 700};

    (void)state;
    for (size_t first = 0; first < 600; first += first < 66 ? 1 : 67) {
        struct compact before = {0};
        for (size_t i = 0; i < first; i++)
            merkle_append(&before, leaf[i]);
        for (size_t i = 0; i < countof(counts) && first + counts[i] <= LEAVES; i++) {
            struct compact slow = before;
            struct compact fast = before;
            for (size_t k = 0; k < counts[i]; k++)
                merkle_append(&slow, leaf[first + k]);
            memcpy(room, leaf[first], 32 * counts[i]);
            merkle_append_many(&fast, room, counts[i]);
            assert_int_equal(fast.size, slow.size);
            assert_memory_equal(fast.hash, slow.hash, 32 * compact_count(&slow));
        }
    }
}

/* A whole subtree at once: the same as its leaves. */
static void append_tree(void **state)
{
    (void)state;
    for (unsigned height = 0; height < 9; height++) {
        size_t step = (size_t)1 << height;
        struct compact slow = {0};
        struct compact fast = {0};
        for (size_t at = 0; at + step <= LEAVES; at += step) {
            struct compact part = {0};
            uint8_t root[32];
            for (size_t i = 0; i < step; i++) {
                merkle_append(&slow, leaf[at + i]);
                merkle_append(&part, leaf[at + i]);
            }
            merkle_root(&part, root);
            merkle_append_tree(&fast, root, height);
            assert_int_equal(fast.size, slow.size);
            assert_memory_equal(fast.hash, slow.hash, 32 * compact_count(&slow));
        }
    }
}

/* Every bit of a proof, its length and its place matter. */
static void mutate_inclusion(size_t index, size_t size, uint8_t (*path)[32], size_t count,
                             const uint8_t *root)
{
    uint8_t longer[PATH_MAX_ + 1][32];
    uint8_t wrong[32];

    for (size_t i = 0; i < count; i++) {
        path[i][i % 32] ^= 1;
        assert_false(inclusion(index, size, path, count, root));
        path[i][i % 32] ^= 1;
    }
    if (count > 0)
        assert_false(inclusion(index, size, path, count - 1, root));
    memcpy(longer, path, count * 32);
    memcpy(longer[count], root, 32);
    assert_false(inclusion(index, size, longer, count + 1, root));
    assert_false(inclusion(index + 1, size, path, count, root));
    assert_false(inclusion(size, size, path, count, root));
    memcpy(wrong, root, 32);
    wrong[31] ^= 0x80;
    assert_false(inclusion(index, size, path, count, wrong));
}

static void inclusion_all(void **state)
{
    uint8_t path[PATH_MAX_][32];
    uint8_t root[32];

    (void)state;
    for (size_t size = 1; size <= SMALL; size++) {
        slow_mth(0, size, root);
        for (size_t index = 0; index < size; index++) {
            size_t count = slow_path(index, 0, size, path);
            assert_true(inclusion(index, size, path, count, root));
            mutate_inclusion(index, size, path, count, root);
        }
    }
    for (size_t round = 0; round < 60; round++) {
        size_t size = 1 + (round * 7919 + 4099) % LEAVES;
        size_t index = (round * 104729) % size;
        size_t count = slow_path(index, 0, size, path);
        slow_mth(0, size, root);
        assert_true(inclusion(index, size, path, count, root));
        mutate_inclusion(index, size, path, count, root);
    }
    assert_false(inclusion(0, 0, path, 0, root));
    assert_false(inclusion(SIZE_MAX - 1, SIZE_MAX, path, 3, root));
}

static void mutate_consistency(size_t m, size_t n, uint8_t (*path)[32], size_t count, const uint8_t *root1,
                               const uint8_t *root2)
{
    uint8_t longer[PATH_MAX_ + 1][32];

    for (size_t i = 0; i < count; i++) {
        path[i][31 - i % 32] ^= 0x40;
        assert_false(consistency(m, root1, n, root2, path, count));
        path[i][31 - i % 32] ^= 0x40;
    }
    if (count > 0)
        assert_false(consistency(m, root1, n, root2, path, count - 1));
    memcpy(longer, path, count * 32);
    memcpy(longer[count], root2, 32);
    assert_false(consistency(m, root1, n, root2, longer, count + 1));
    memcpy(longer[0], root1, 32);
    memcpy(longer + 1, path, count * 32);
    assert_false(consistency(m, root1, n, root2, longer, count + 1));
    if (m != n) {
        assert_false(consistency(m, root2, n, root1, path, count));
        assert_false(consistency(n, root1, m, root2, path, count));
        assert_false(consistency(m, root1, n, root2, path, 0));
        assert_false(consistency(m, root1, n, root1, path, count));
    }
    assert_false(consistency(0, root1, n, root2, path, count));
}

static void consistency_pair(size_t m, size_t n)
{
    uint8_t path[PATH_MAX_][32];
    uint8_t root1[32], root2[32];
    size_t count = slow_subproof(m, 0, n, true, path);

    slow_mth(0, m, root1);
    slow_mth(0, n, root2);
    assert_true(consistency(m, root1, n, root2, path, count));
    mutate_consistency(m, n, path, count, root1, root2);
}

static void consistency_all(void **state)
{
    (void)state;
    for (size_t n = 1; n <= SMALL; n++) {
        for (size_t m = 1; m <= n; m++)
            consistency_pair(m, n);
    }
    for (size_t round = 0; round < 40; round++) {
        size_t n = 2 + (round * 6311 + 1777) % (LEAVES - 1);
        consistency_pair(1 + round * 15485863 % n, n);
    }
    /* Powers of two leave the first node out. */
    for (size_t m = 1; m <= 4096; m *= 2)
        consistency_pair(m, 4999);
}

static void frontier_from_last_leaf(void **state)
{
    struct compact grown = {0};
    uint8_t path[PATH_MAX_][32];

    (void)state;
    for (size_t size = 1; size <= 600; size++) {
        struct compact found;
        size_t count = slow_path(size - 1, 0, size, path);
        merkle_append(&grown, leaf[size - 1]);
        assert_true(merkle_from_last_leaf(&found, size, leaf[size - 1], (const uint8_t(*)[32])path, count));
        assert_int_equal(found.size, grown.size);
        assert_memory_equal(found.hash, grown.hash, 32 * (size_t)__builtin_popcountll(size));
        assert_false(merkle_from_last_leaf(&found, size, leaf[0], (const uint8_t(*)[32])path, count + 1));
        if (count > 0)
            assert_false(merkle_from_last_leaf(&found, size, leaf[0], (const uint8_t(*)[32])path, count - 1));
    }
    assert_false(merkle_from_last_leaf(&grown, 0, leaf[0], (const uint8_t(*)[32])path, 0));
}

/* The largest sizes that can be: no shift out of range, no endless loop. */
static void huge_sizes(void **state)
{
    uint8_t path[PATH_MAX_][32];
    struct compact compact = {.size = UINT64_MAX - 1};
    struct compact found;
    uint8_t root[32];

    (void)state;
    memset(path, 7, sizeof path);
    found = compact;
    merkle_append(&compact, leaf[0]);
    memcpy(root, leaf[0], 32);
    merkle_append_many(&found, &root, 1);
    assert_memory_equal(found.hash, compact.hash, sizeof found.hash);
    assert_true(compact.size == UINT64_MAX && found.size == UINT64_MAX);
    merkle_root(&compact, root);
    for (size_t count = 0; count <= PATH_MAX_; count++) {
        assert_false(consistency(1, root, UINT64_MAX, root, path, count));
        assert_false(consistency(UINT64_MAX - 1, root, UINT64_MAX, root, path, count));
        assert_false(consistency(UINT64_C(1) << 63, root, UINT64_MAX, root, path, count));
        assert_false(inclusion(UINT64_MAX - 1, UINT64_MAX, path, count, root));
        assert_false(inclusion(0, UINT64_MAX, path, count, root));
    }
    assert_true(merkle_from_last_leaf(&found, UINT64_MAX, leaf[0], (const uint8_t(*)[32])path, 63));
}

/* Published vectors
 * ------------------------------------------------------------------------------------------------ */

/* Some cases have texts of other lengths for roots ("don't care"); filled up with zeros they compare just the
 * same. */
static bool vector_root(const char *text, const char *name, uint8_t root[32])
{
    size_t length;

    memset(root, 0, 32);
    length = vecfile_base64(text, name, root, 32);
    return length <= 32;
}

static bool vector_inclusion(const char *text)
{
    uint8_t path[PATH_MAX_][32];
    uint8_t hash[64], root[32];
    size_t count;

    return vecfile_base64(text, "leafHash", hash, sizeof hash) == 32 && vector_root(text, "root", root) &&
           vecfile_hashes(text, "proof", path, PATH_MAX_, &count) &&
           merkle_verify_inclusion(hash, vecfile_number(text, "leafIdx"), vecfile_number(text, "treeSize"),
                                   (const uint8_t(*)[32])path, count, root);
}

static bool vector_consistency(const char *text)
{
    uint8_t path[PATH_MAX_][32];
    uint8_t root1[32], root2[32];
    size_t count;

    return vector_root(text, "root1", root1) && vector_root(text, "root2", root2) &&
           vecfile_hashes(text, "proof", path, PATH_MAX_, &count) &&
           consistency(vecfile_number(text, "size1"), root1, vecfile_number(text, "size2"), root2, path,
                       count);
}

/* The published verifier lets size1 = 0 pass or calls it an error by other rules; here it is always refused.
 */
static bool vector_is_empty_tree(const char *text)
{
    return vecfile_find(text, "size1") != NULL && vecfile_number(text, "size1") == 0;
}

static size_t vector_folder(const char *folder, bool (*verify)(const char *text))
{
    const char *shared = getenv("CTVIGIL_SHARED");
    char path[4096];
    struct dirent *item;
    DIR *dir;
    size_t checked = 0;

    (void)snprintf(path, sizeof path, "%.2000s/vectors/%.2000s", shared == NULL ? "/nonexistent" : shared,
                   folder);
    dir = opendir(path);
    if (dir == NULL)
        return 0;
    while ((item = readdir(dir)) != NULL) {
        struct span file;
        (void)snprintf(path, sizeof path, "%.1000s/%.1000s", folder, item->d_name);
        if (item->d_name[0] == '.')
            continue;
        if (strstr(item->d_name, ".json") == NULL) {
            checked += vector_folder(path, verify);
            continue;
        }
        file = vecfile_load(path);
        assert_non_null(file.at);
        bool expected = strncmp(vecfile_find((const char *)file.at, "wantErr"), "false", 5) == 0;
        if (vector_is_empty_tree((const char *)file.at))
            expected = false;
        if (verify((const char *)file.at) != expected)
            fail_msg("%s: expected %s", path, expected ? "valid" : "invalid");
        vecfile_free(file);
        checked++;
    }
    (void)closedir(dir);
    return checked;
}

static void vectors(void **state)
{
    size_t checked = vector_folder("merkle/inclusion", vector_inclusion);

    (void)state;
    if (checked == 0)
        skip();
    assert_int_equal(checked, 98);
    assert_int_equal(vector_folder("merkle/consistency", vector_consistency), 98);
}

/* A real log of a billion entries: entry 10,000 is in the tree its operator signed. */
static void real_inclusion(void **state)
{
    struct span entries = vecfile_load("argon2020/get-entries-start-10000-end-10000.json");
    struct span proof = vecfile_load("argon2020/get-proof-by-hash-tree-size-961984011-hash-nCs3mfIydh9x4CKyQ-"
                                     "2Bu2xtmpxmFggA5MLymHwNQSlLg-3D.json");
    struct span sth = vecfile_load("argon2020/get-sth.json");
    static uint8_t leaf_input[65536];
    uint8_t path[PATH_MAX_][32];
    uint8_t hash[32], root[32];
    size_t count, length;

    (void)state;
    if (entries.at == NULL || proof.at == NULL || sth.at == NULL)
        skip();
    length = vecfile_base64((const char *)entries.at, "leaf_input", leaf_input, sizeof leaf_input);
    assert_int_not_equal(length, SIZE_MAX);
    merkle_leaf_hash(span_of(leaf_input, length), hash);
    assert_true(vecfile_hashes((const char *)proof.at, "audit_path", path, PATH_MAX_, &count));
    assert_int_equal(vecfile_base64((const char *)sth.at, "sha256_root_hash", root, 32), 32);
    assert_true(merkle_verify_inclusion(hash, 10000, 961984011, (const uint8_t(*)[32])path, count, root));
    assert_false(merkle_verify_inclusion(hash, 10001, 961984011, (const uint8_t(*)[32])path, count, root));
    vecfile_free(entries);
    vecfile_free(proof);
    vecfile_free(sth);
}

static void real_consistency(void **state)
{
    struct span older = vecfile_load("argon2027h1/get-sth-384065451.json");
    struct span newer = vecfile_load("argon2027h1/get-sth-384071894.json");
    struct span proof = vecfile_load("argon2027h1/get-sth-consistency-384065451-384071894.json");
    uint8_t path[PATH_MAX_][32];
    uint8_t root1[32], root2[32];
    size_t count;

    (void)state;
    if (older.at == NULL || newer.at == NULL || proof.at == NULL)
        skip();
    assert_int_equal(vecfile_base64((const char *)older.at, "sha256_root_hash", root1, 32), 32);
    assert_int_equal(vecfile_base64((const char *)newer.at, "sha256_root_hash", root2, 32), 32);
    assert_true(vecfile_hashes((const char *)proof.at, "consistency", path, PATH_MAX_, &count));
    assert_true(consistency(384065451, root1, 384071894, root2, path, count));
    mutate_consistency(384065451, 384071894, path, count, root1, root2);
    vecfile_free(older);
    vecfile_free(newer);
    vecfile_free(proof);
}

/* Perfect trees side by side: the largest that may begin there and does not go beyond the end. */
static void span_heights(void **state)
{
    static const struct {
        uint64_t at;
        uint64_t size;
        unsigned height;
    } rows[] = {{0, 1, 0},
                {0, 8, 3},
                {0, 9, 3},
                {5, 8, 0},
                {6, 8, 1},
                {8, 11, 1},
                {10, 11, 0},
                {256, 512, 8},
                {0, UINT64_MAX, 62},
                {UINT64_C(1) << 62, UINT64_C(1) << 63, 62},
                {UINT64_MAX - 1, UINT64_MAX, 0}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(merkle_span_height(rows[i].at, rows[i].size), rows[i].height);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaf_and_node),   cmocka_unit_test(roots),
        cmocka_unit_test(append_many),     cmocka_unit_test(append_tree),
        cmocka_unit_test(span_heights),    cmocka_unit_test(inclusion_all),
        cmocka_unit_test(consistency_all), cmocka_unit_test(frontier_from_last_leaf),
        cmocka_unit_test(huge_sizes),      cmocka_unit_test(vectors),
        cmocka_unit_test(real_inclusion),  cmocka_unit_test(real_consistency),
    };

    return cmocka_run_group_tests(tests, make_leaves, NULL);
}
