/* The nodes of a larger tree that show what its beginning is, out of batches of any length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ingest/refute.h"
#include "verify/merkle.h"

#define LEAVES 1200

static struct entry entries[LEAVES];

static struct head head_of(uint64_t size)
{
    struct head head = {.size = size};
    struct compact tree = {.size = 0};
    for (uint64_t i = 0; i < size; i++)
        merkle_append(&tree, entries[i].leaf_hash);
    merkle_root(&tree, head.root);
    return head;
}

/* Batches of `width` entries from `begin` to `end`. */
static size_t cut(struct job *const *jobs, uint64_t begin, uint64_t end, uint64_t width)
{
    size_t count = 0;
    for (uint64_t at = begin; at < end; at += width) {
        struct batch *batch = &jobs[count++]->batch;
        uint64_t size = end - at < width ? end - at : width;
        *batch = (struct batch){.begin = at, .end = at + size, .entries = entries + at, .entry_count = size};
    }
    return count;
}

/* A verifier of its own: folds what is kept and compares with the tree made from all leaves. */
static void check(const struct refute *refute, uint64_t before, uint64_t size, uint64_t whole)
{
    struct compact tree = refute->begin;
    uint8_t root[32];
    struct head head = head_of(size);
    merkle_root(&tree, root);
    assert_memory_equal(root, head.root, 32);
    for (size_t i = 0; i < refute->node_count; i++)
        merkle_append_tree(&tree, refute->node[i], merkle_span_height(tree.size, whole));
    assert_int_equal(tree.size, whole);
    merkle_root(&tree, root);
    head = head_of(whole);
    assert_memory_equal(root, head.root, 32);
    assert_int_equal(refute->before.size, before);
    assert_true(refute->leaves.any);
    assert_int_equal(refute->leaves.begin, before);
    assert_int_equal(refute->leaves.end, size);
    assert_int_equal(refute->leaves.bytes_lost, size - before > LIMIT_EVIDENCE_ENTRIES);
}

static void nodes_lead_to_the_larger_tree(void **state)
{
    static const struct {
        uint64_t before, size, whole, width, beyond;
    } rows[] = {{0, 1, 2, 1, 2},          {0, 1, 1000, 7, 1000},       {0, 511, 512, 256, 512},
                {0, 512, 513, 256, 1024}, {300, 350, 400, 100, 400},   {300, 301, 1199, 64, 1200},
                {1, 2, 3, 3, 9},          {256, 768, 1024, 256, 1024}, {5, 1198, 1199, 31, 1200}};
    static const uint8_t wrong[32] = {0x5a};
    struct job *jobs[LEAVES];
    (void)state;
    for (size_t i = 0; i < LEAVES; i++) {
        entries[i] = (struct entry){.index = i, .leaf = SPAN_LIT("leaf")};
        entries[i].leaf_hash[0] = (uint8_t)i;
        entries[i].leaf_hash[1] = (uint8_t)(i >> 8);
        jobs[i] = calloc(1, sizeof *jobs[i]);
        assert_non_null(jobs[i]);
    }
    for (size_t i = 0; i < countof(rows); i++) {
        struct compact before = {.size = 0};
        struct head head = {.size = rows[i].size, .raw = SPAN_LIT("raw")};
        struct head tree = head_of(rows[i].whole);
        memcpy(head.root, wrong, 32);
        while (before.size < rows[i].before)
            merkle_append(&before, entries[before.size].leaf_hash);
        size_t count = cut(jobs, rows[i].before, rows[i].beyond, rows[i].width);
        struct refute *refute = refute_new(&head, &tree, &before, jobs, count);
        assert_non_null(refute);
        check(refute, rows[i].before, rows[i].size, rows[i].whole);
        assert_true(refute_is(refute, &head));
        assert_null(refute->head.raw.at); /* nothing of whoever asked */
        head.root[31] ^= 1;
        assert_false(refute_is(refute, &head));
        assert_false(refute_is(NULL, &head));
        refute_free(refute);
    }
    for (size_t i = 0; i < LEAVES; i++)
        free(jobs[i]);
    refute_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_lead_to_the_larger_tree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
