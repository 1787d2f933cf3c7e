/* When a hash tile is asked for, how often, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"
#include "ingest/tilecheck.h"

#define RANGE UINT64_C(65536) /* entries behind one full hash tile */

static uint8_t nodes[TILE_WIDTH][32];

static void wants(void **state)
{
    static const struct {
        uint64_t tile;
        uint64_t tree;
        const char *path; /* NULL: none */
    } cases[] = {
        {0, 0, NULL},
        {0, 15 * 256 + 255, NULL},
        {0, 16 * 256, "tile/1/000.p/16"},
        {3, 19 * 256 + 17, "tile/1/000.p/19"},
        {4, 19 * 256 + 17, NULL},
        {0, RANGE, "tile/1/000"},
        {240, RANGE, "tile/1/000"},
        {241, RANGE, NULL}, /* too few of it are left */
        {256, RANGE, NULL},
        {256, RANGE + 16 * 256, "tile/1/001.p/16"},
        {UINT64_C(1234067) * 256, UINT64_C(1234068) * RANGE, "tile/1/x001/x234/067"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct tilecheck check = {.off_until_ms = 0};
        char path[TILE_PATH_MAX] = "";
        assert_int_equal(tilecheck_want(&check, cases[i].tile, cases[i].tree, false, 1),
                         cases[i].path != NULL);
        assert_int_equal(tilecheck_next(&check, path), cases[i].path != NULL);
        if (cases[i].path != NULL)
            assert_string_equal(path, cases[i].path);
        assert_false(tilecheck_next(&check, path)); /* one at a time, and once */
        assert_false(tilecheck_want(&check, cases[i].tile, cases[i].tree, false, 1));
    }
}

/* A suspect one is worth a request alone. */
static void suspect(void **state)
{
    struct tilecheck check = {.off_until_ms = 0};
    char path[TILE_PATH_MAX];
    (void)state;
    assert_false(tilecheck_want(&check, 1, 700, false, 1));
    assert_true(tilecheck_want(&check, 1, 700, true, 1));
    assert_true(tilecheck_next(&check, path));
    assert_string_equal(path, "tile/1/000.p/2");
    assert_false(tilecheck_want(&check, 2, 700, true, 1)); /* it is not full */
}

static void once_for_all_of_it(void **state)
{
    struct tilecheck check = {.off_until_ms = 0};
    char path[TILE_PATH_MAX];
    (void)state;
    unsigned asked = 0;
    for (uint64_t tile = 0; tile < 3 * TILE_WIDTH + 100; tile++) {
        asked += tilecheck_want(&check, tile, 3 * RANGE + 100 * 256, false, 1);
        if (tilecheck_next(&check, path))
            assert_true(tilecheck_came(&check, span_of(nodes, sizeof nodes), 1));
        assert_int_equal(tilecheck_look(&check, tile, nodes[0], false, 1), TILECHECK_FITS);
    }
    assert_int_equal(asked, 4);
    /* The tree grew: what is known of its tile is asked for again only when there is enough behind it. */
    uint64_t tile = 3 * TILE_WIDTH + 100;
    assert_false(tilecheck_want(&check, tile, 3 * RANGE + 115 * 256, false, 1));
    assert_int_equal(tilecheck_look(&check, tile, nodes[0], false, 1), TILECHECK_UNCHECKED);
    assert_true(tilecheck_want(&check, tile, 3 * RANGE + 116 * 256, false, 1));
    assert_int_equal(tilecheck_look(&check, tile, nodes[0], false, 1), TILECHECK_WAIT);
}

/* The two tiles that say more of one that differs; `is_there`: they come. */
static void beside(struct tilecheck *check, bool is_there)
{
    static const char *const names[] = {"tile/0/", "tile/2/000.p/1"};
    char path[TILE_PATH_MAX];
    for (size_t i = 0; i < countof(names); i++) {
        assert_true(tilecheck_next(check, path));
        assert_memory_equal(path, names[i], strlen(names[i]));
        if (is_there)
            assert_true(tilecheck_came(check, span_of(nodes, sizeof nodes), 1));
        else
            tilecheck_failed(check, false, 1);
    }
    assert_false(tilecheck_next(check, path));
}

static void differs(void **state)
{
    struct tilecheck check = {.off_until_ms = 0};
    char path[TILE_PATH_MAX];
    uint8_t other[32] = {7};
    (void)state;
    assert_true(tilecheck_want(&check, 5, RANGE, false, 1));
    assert_true(tilecheck_next(&check, path));
    assert_true(tilecheck_waits(&check, 5, 1));
    assert_int_equal(tilecheck_nodes(&check, 5, path).len, 0);
    assert_true(tilecheck_came(&check, span_of(nodes, sizeof nodes), 1));
    assert_false(tilecheck_waits(&check, 5, 1));
    assert_int_equal(tilecheck_look(&check, 5, other, false, 1), TILECHECK_AGAIN);
    assert_true(tilecheck_doubts(&check, 5));
    assert_false(tilecheck_doubts(&check, 6));
    /* What lies beside it comes first. */
    assert_int_equal(tilecheck_look(&check, 5, other, true, 1), TILECHECK_WAIT);
    beside(&check, true);
    assert_int_equal(tilecheck_leaves(&check, 5).len, sizeof nodes);
    assert_int_equal(tilecheck_leaves(&check, 6).len, 0);
    assert_int_equal(tilecheck_above(&check, 5).len, 32);
    assert_int_equal(tilecheck_above(&check, 256).len, 0);
    assert_int_equal(tilecheck_look(&check, 5, other, false, 1),
                     TILECHECK_AGAIN); /* the old connection says nothing */
    beside(&check, true);
    assert_int_equal(tilecheck_look(&check, 5, other, true, 1), TILECHECK_DIFFERS);
    assert_false(tilecheck_doubts(&check, 5));
    assert_int_equal(tilecheck_nodes(&check, 5, path).len, sizeof nodes);
    assert_string_equal(path, "tile/1/000");
    /* One that heals. */
    assert_int_equal(tilecheck_look(&check, 6, other, false, 1), TILECHECK_AGAIN);
    beside(&check, false); /* is not there: it is done without, and so is nothing else */
    assert_int_equal(tilecheck_leaves(&check, 6).len, 0);
    assert_int_equal(tilecheck_above(&check, 6).len, 0);
    assert_int_equal(tilecheck_look(&check, 6, nodes[6], true, 1), TILECHECK_FITS);
    assert_false(tilecheck_doubts(&check, 6));
    /* It holds nobody for long. */
    assert_int_equal(tilecheck_look(&check, 7, other, false, 1), TILECHECK_AGAIN);
    assert_true(tilecheck_waits(&check, 7, TILECHECK_WAIT_MS));
    assert_int_equal(tilecheck_look(&check, 7, other, true, 1 + TILECHECK_WAIT_MS), TILECHECK_DIFFERS);
    /* Above a hash tile that is not full there is none. */
    check = (struct tilecheck){.off_until_ms = 0};
    assert_true(tilecheck_want(&check, 0, RANGE - 1, false, 1));
    assert_true(tilecheck_next(&check, path));
    assert_true(tilecheck_came(&check, span_of(nodes, sizeof nodes), 1));
    assert_int_equal(tilecheck_look(&check, 0, other, false, 1), TILECHECK_AGAIN);
    assert_true(tilecheck_next(&check, path));
    assert_string_equal(path, "tile/0/000");
    assert_true(tilecheck_came(&check, span_of(nodes, sizeof nodes), 1));
    assert_false(tilecheck_next(&check, path));
}

static void done_without(void **state)
{
    struct tilecheck check = {.off_until_ms = 0};
    char path[TILE_PATH_MAX];
    (void)state;
    /* A partial one that is gone: the full one; then nothing, for a while. */
    assert_true(tilecheck_want(&check, 0, 20 * 256, false, 1));
    assert_true(tilecheck_next(&check, path));
    tilecheck_failed(&check, true, 2);
    assert_true(tilecheck_next(&check, path));
    assert_string_equal(path, "tile/1/000");
    tilecheck_failed(&check, true, 3);
    assert_int_equal(tilecheck_look(&check, 0, nodes[0], false, 3), TILECHECK_UNCHECKED);
    assert_false(tilecheck_want(&check, 0, 20 * 256, false, 3 + TILECHECK_OFF_MS - 1));
    assert_true(tilecheck_want(&check, 0, 20 * 256, false, 3 + TILECHECK_OFF_MS));
    /* One that never comes holds nobody for long; when it comes after all it is used. */
    int64_t now_ms = 3 + TILECHECK_OFF_MS;
    assert_true(tilecheck_next(&check, path));
    assert_int_equal(tilecheck_look(&check, 0, nodes[0], false, now_ms), TILECHECK_WAIT);
    now_ms += TILECHECK_WAIT_MS;
    assert_int_equal(tilecheck_look(&check, 0, nodes[0], false, now_ms), TILECHECK_UNCHECKED);
    assert_false(tilecheck_want(&check, 300, 3 * RANGE, false, now_ms));
    assert_false(tilecheck_came(&check, span_of(nodes, 19 * 32), now_ms)); /* too short */
    assert_int_equal(tilecheck_look(&check, 0, nodes[0], false, now_ms), TILECHECK_UNCHECKED);
}

/* Tiles of level 0, of the same width as the part of the data tile; two at a time. */
static void parts(void **state)
{
    struct tilecheck check = {.off_until_ms = 0};
    char path[TILE_PATH_MAX];
    (void)state;
    assert_false(tilecheck_part_waits(&check, 2, 1));
    tilecheck_part_want(&check, 2, 700, 1);
    tilecheck_part_want(&check, 1, 700, 1);
    tilecheck_part_want(&check, 9, 700, 1); /* there is no slot for it: it is done without */
    assert_false(tilecheck_part_waits(&check, 9, 1));
    assert_true(tilecheck_next(&check, path));
    tilecheck_part_want(&check, 1, 700, 1); /* on its way: not again */
    assert_true(tilecheck_part_waits(&check, 1, 1) && tilecheck_part_waits(&check, 2, 1));
    assert_int_equal(tilecheck_part(&check, 1, path).len, 0);
    assert_true(tilecheck_came(&check, span_of(nodes, sizeof nodes), 1));
    assert_true(tilecheck_next(&check, path));
    /* Gone: the full one. Gone as well: nothing, and only for this one. */
    tilecheck_failed(&check, true, 1);
    uint64_t left = tilecheck_part(&check, 1, path).len == 0 ? 1 : 2;
    if (left == 2) {
        assert_true(tilecheck_next(&check, path));
        assert_string_equal(path, "tile/0/002");
        tilecheck_failed(&check, true, 1);
    }
    assert_false(tilecheck_part_waits(&check, left, 1));
    assert_int_equal(tilecheck_part(&check, left, path).len, 0);
    assert_int_equal(tilecheck_part(&check, 3 - left, path).len, left == 1 ? 188 * 32 : sizeof nodes);
    assert_true(tilecheck_want(&check, 0, RANGE, false, 1)); /* the nodes are not off for it */
    assert_true(tilecheck_next(&check, path));
    assert_true(tilecheck_came(&check, span_of(nodes, sizeof nodes), 1));
    /* What is known is asked for anew when it is suspect again, and the tree is another one. */
    tilecheck_part_want(&check, 2, 701, 2);
    assert_true(tilecheck_next(&check, path));
    assert_string_equal(path, "tile/0/002.p/189");
    assert_false(tilecheck_came(&check, span_of(nodes, 32), 2)); /* too short */
    assert_int_equal(tilecheck_part(&check, 2, path).len, 0);
    /* It holds nobody for long. */
    tilecheck_part_want(&check, 2, 701, 2);
    assert_true(tilecheck_part_waits(&check, 2, 1 + TILECHECK_WAIT_MS));
    assert_false(tilecheck_part_waits(&check, 2, 2 + TILECHECK_WAIT_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wants),   cmocka_unit_test(suspect),      cmocka_unit_test(once_for_all_of_it),
        cmocka_unit_test(differs), cmocka_unit_test(done_without), cmocka_unit_test(parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
