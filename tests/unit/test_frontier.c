#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/frontier.h"
#include "parser/tile.h"
#include "verify/digest.h"
#include "verify/merkle.h"

#define TREE_MAX 200000
#define LEVELS   3

/* The nodes of a tree at the levels of its tiles, made the plain way. */
static uint8_t (*node[LEVELS])[32];
static const struct ctlog log_here = {.url = "https://mon.example"};

static void tree_make(void)
{
    size_t count = TREE_MAX;
    for (int level = 0; level < LEVELS; level++, count /= 256) {
        node[level] = calloc(count + 1, 32);
        must(node[level] != NULL);
        for (uint64_t i = 0; level == 0 && i < count; i++)
            digest_sha256(span_of(&i, sizeof(i)), node[0][i]);
        for (uint64_t i = 0; level != 0 && i < count; i++) {
            struct compact compact = {.size = 0};
            for (uint64_t k = 0; k < 256; k++)
                merkle_append(&compact, node[level - 1][256 * i + k]);
            merkle_root(&compact, node[level][i]);
        }
    }
}

static void compact_of(uint64_t size, struct compact *compact)
{
    compact->size = 0;
    for (uint64_t i = 0; i < size; i++)
        merkle_append(compact, node[0][i]);
}

/* The document at a path of the tree of `size`; NULL: not there. */
static const uint8_t *tile_at(const char *url, uint64_t size, size_t *len)
{
    for (int level = 0; level < LEVELS; level++) {
        for (uint64_t at = 0; at <= (size >> (8 * level)) / 256; at++) {
            char path[TILE_PATH_MAX];
            unsigned width = tile_width(level, at, size);
            if (width == 0)
                continue;
            tile_path(level, at, width, path);
            if (strcmp(url + strlen(log_here.url) + 1, path) != 0)
                continue;
            *len = 32 * (size_t)width;
            return node[level][256 * at];
        }
    }
    return NULL;
}

/* Runs the machine over the tiles of a tree of `served`; a bit of document number `broken` is wrong. */
static enum err_code finish(struct frontier *machine, uint64_t served, int broken)
{
    char url[PROTO_URL_MAX];
    enum err_code code = ERR_OK;
    for (int turn = 0; frontier_url(machine, &log_here, url, &code); turn++) {
        assert_true(turn < 2 * LEVELS * 4);
        size_t len = 0;
        const uint8_t *bytes = tile_at(url, served, &len);
        if (bytes == NULL && frontier_absent(machine, 404))
            continue;
        if (bytes == NULL)
            return ERR_HTTP;
        uint8_t tile[TILE_WIDTH * 32];
        memcpy(tile, bytes, len);
        if (turn == broken)
            tile[5] ^= 1;
        code = frontier_take(machine, span_of(tile, len), NULL);
        if (code != ERR_OK)
            return code;
    }
    return code;
}

static enum err_code run(uint64_t size, const struct head *head, uint64_t served, int broken,
                         struct frontier *machine)
{
    frontier_begin(machine, true, size, head);
    return finish(machine, served, broken);
}

static const struct {
    uint64_t size, tree;
} cases[] = {
    {1, 1},         {1, 2},          {255, 256},       {256, 256},     {256, 257},      {300, 900},
    {777, 65536},   {1, 65537},      {65535, 65536},   {65536, 65536}, {65536, 131072}, {65792, 150001},
    {70000, 70000}, {70000, 199999}, {131072, 131073}, {511, 196608},
};

static void test_tiles(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct compact want;
        struct frontier machine;
        struct head head = {.size = cases[i].tree};
        compact_of(cases[i].tree, &want);
        merkle_root(&want, head.root);
        assert_int_equal(run(cases[i].size, &head, cases[i].tree, -1, &machine), ERR_OK);
        compact_of(cases[i].size, &want);
        assert_int_equal(machine.unverified.size, cases[i].size);
        assert_memory_equal(machine.unverified.hash, want.hash, 32 * compact_count(&want));
        /* A bit that is wrong in the first document is one of the frontier. */
        assert_int_equal(run(cases[i].size, &head, cases[i].tree, 0, &machine), ERR_PROOF);
        head.root[0] ^= 1;
        assert_int_equal(run(cases[i].size, &head, cases[i].tree, -1, &machine), ERR_PROOF);
    }
}

/* The tree has grown since the head: partial tiles of the head's size are gone, the full ones serve. */
static void test_grown(void **state)
{
    (void)state;
    struct compact want;
    struct frontier machine;
    struct head head = {.size = 900};
    compact_of(900, &want);
    merkle_root(&want, head.root);
    assert_int_equal(run(300, &head, 70000, -1, &machine), ERR_OK);
    assert_int_equal(run(300, &head, 800, -1, &machine), ERR_HTTP);
}

/* A smaller head against a larger one: what comes out is the true frontier, whatever the smaller one signed.
 */
static void test_claim(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct compact want;
        struct frontier machine;
        struct head tree = {.size = cases[i].tree};
        struct head claim = {.size = cases[i].size};
        char url[PROTO_URL_MAX];
        enum err_code code = ERR_OK;
        if (claim.size == tree.size)
            continue;
        compact_of(tree.size, &want);
        merkle_root(&want, tree.root);
        frontier_begin_claim(&machine, true, &claim, &tree);
        assert_int_equal(finish(&machine, tree.size, -1), ERR_OK);
        assert_false(machine.direct);
        compact_of(claim.size, &want);
        assert_memory_equal(machine.unverified.hash, want.hash, 32 * compact_count(&want));
        /* The other protocol asks for the proof first, and for the frontier when that proves nothing. */
        frontier_begin_claim(&machine, false, &claim, &tree);
        assert_true(frontier_url(&machine, &log_here, url, &code));
        assert_non_null(strstr(url, "get-sth-consistency?first="));
        struct frontier refused = machine;
        assert_true(frontier_absent(&refused, 400));
        assert_true(frontier_url(&refused, &log_here, url, &code));
        assert_non_null(strstr(url, "get-entry-and-proof?"));
        assert_false(frontier_absent(&refused, 400));
        assert_int_equal(frontier_take(&machine, SPAN_LIT("{\"consistency\":[]}"), NULL), ERR_OK);
        assert_false(machine.direct);
        assert_true(frontier_url(&machine, &log_here, url, &code));
        assert_non_null(strstr(url, "get-entry-and-proof?"));
    }
}

static void test_short_tile(void **state)
{
    (void)state;
    struct frontier machine;
    struct head head = {.size = 900};
    char url[PROTO_URL_MAX];
    enum err_code code;
    frontier_begin(&machine, true, 300, &head);
    assert_true(frontier_url(&machine, &log_here, url, &code));
    assert_int_equal(frontier_take(&machine, SPAN_LIT("short"), NULL), ERR_FORMAT);
    frontier_begin(&machine, false, 300, &head);
    assert_true(frontier_url(&machine, &log_here, url, &code));
    assert_int_equal(frontier_take(&machine, SPAN_LIT("{}"), NULL), ERR_FORMAT);
    assert_false(frontier_absent(&machine, 404));
}

int main(void)
{
    tree_make();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_grown),
        cmocka_unit_test(test_claim),
        cmocka_unit_test(test_short_tile),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (int level = 0; level < LEVELS; level++)
        free(node[level]);
    return failed;
}
