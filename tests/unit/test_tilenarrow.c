/* A fake log whose tiles are right until one hash of one of them is not: which one is named, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/tilenarrow.h"
#include "verify/merkle.h"

#define TILE 5

struct made {
    uint8_t leaf[TILE_WIDTH][32];
    uint8_t level0[TILE_WIDTH][32];
    uint8_t level1[TILE_WIDTH][32];
    uint8_t node2[32];
};

static void root_of(const uint8_t hash[TILE_WIDTH][32], uint8_t root[32])
{
    struct compact tree = {.size = 0};
    for (size_t i = 0; i < TILE_WIDTH; i++)
        merkle_append(&tree, hash[i]);
    merkle_root(&tree, root);
}

static void begin(struct made *made)
{
    memset(made, 0, sizeof *made);
    for (unsigned i = 0; i < TILE_WIDTH; i++) {
        made->leaf[i][0] = (uint8_t)i;
        made->level1[i][1] = (uint8_t)i;
    }
    memcpy(made->level0, made->leaf, sizeof made->leaf);
    root_of(made->leaf, made->level1[TILE]);
    root_of(made->level1, made->node2);
}

static struct tilenarrow judge(const struct made *made)
{
    return tilenarrow_judge(TILE, made->leaf, span_of(made->level0[0], sizeof made->level0),
                            span_of(made->level1[0], sizeof made->level1), span_of(made->node2, 32));
}

static void says(const struct tilenarrow *narrow, const char *expected)
{
    char text[256];
    tilenarrow_say(narrow, TILE, text, sizeof text);
    assert_string_equal(text, expected);
}

static void each_tile_is_named(void **state)
{
    struct made made;
    struct tilenarrow narrow;
    (void)state;
    begin(&made);
    narrow = judge(&made);
    assert_int_equal(narrow.verdict, TILENARROW_UNKNOWN);
    says(&narrow, "");
    made.leaf[20][31] ^= 1;
    narrow = judge(&made);
    assert_int_equal(narrow.verdict, TILENARROW_DATA);
    says(&narrow, "; tile/0/005 gives the node, so the data tile is wrong: 1 of entries 1300 to 1300");
    begin(&made);
    made.level1[TILE][7] ^= 1;
    narrow = judge(&made);
    assert_int_equal(narrow.verdict, TILENARROW_NODE);
    says(&narrow, "; tile/0/005 and level 2 agree with the data tile: node 5 of tile/1/000 is wrong");
    /* The other nodes are no witness when level 2 has another word of them. */
    made.level1[TILE + 1][7] ^= 1;
    narrow = judge(&made);
    assert_int_equal(narrow.verdict, TILENARROW_HALVES);
    says(&narrow, "; tile/0/005 agrees with the data tile against node 5 of tile/1/000");
}

/* Level 0 itself is wrong, and so is something else: what does not agree is narrowed to the subtree. */
static void level_0_is_narrowed(void **state)
{
    static const struct {
        unsigned flip[3];
        unsigned first, width, count;
    } rows[] = {{{0, 0, 0}, 0, 1, 1},          {{255, 255, 255}, 255, 1, 1}, {{4, 5, 4}, 4, 2, 2},
                {{5, 6, 5}, 4, 4, 2},          {{127, 128, 127}, 0, 256, 2}, {{200, 201, 207}, 200, 8, 3},
                {{128, 129, 255}, 128, 128, 3}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct made made;
        begin(&made);
        made.level1[TILE][0] ^= 1;
        for (size_t k = 0; k < 3; k++)
            made.level0[rows[i].flip[k]][9] = 0x77;
        struct tilenarrow narrow = judge(&made);
        assert_int_equal(narrow.verdict, TILENARROW_LEAVES);
        assert_int_equal(narrow.first, rows[i].first);
        assert_int_equal(narrow.width, rows[i].width);
        assert_int_equal(narrow.count, rows[i].count);
    }
    struct made made;
    begin(&made);
    made.level1[TILE][0] ^= 1;
    made.level0[20][0] ^= 1;
    struct tilenarrow narrow = judge(&made);
    says(&narrow, "; tile/0/005 is wrong, too: 1 of its hashes of entries 1300 to 1300");
}

static void what_did_not_come_decides_nothing(void **state)
{
    struct made made;
    (void)state;
    begin(&made);
    made.level1[TILE][7] ^= 1;
    struct span level0 = span_of(made.level0[0], sizeof made.level0);
    struct span level1 = span_of(made.level1[0], sizeof made.level1);
    struct span some = span_of(made.level1[0], 32 * (TILE + 1));
    assert_int_equal(tilenarrow_judge(TILE, made.leaf, level0, level1, SPAN_NONE).verdict, TILENARROW_HALVES);
    assert_int_equal(tilenarrow_judge(TILE, made.leaf, level0, some, span_of(made.node2, 32)).verdict,
                     TILENARROW_HALVES);
    level0.len--;
    assert_int_equal(tilenarrow_judge(TILE, made.leaf, level0, level1, SPAN_NONE).verdict,
                     TILENARROW_UNKNOWN);
    some.len--;
    level0.len++;
    assert_int_equal(tilenarrow_judge(TILE, made.leaf, level0, some, SPAN_NONE).verdict, TILENARROW_UNKNOWN);
    assert_int_equal(tilenarrow_judge(TILE, made.leaf, SPAN_NONE, SPAN_NONE, SPAN_NONE).verdict,
                     TILENARROW_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tile_is_named),
        cmocka_unit_test(level_0_is_narrowed),
        cmocka_unit_test(what_did_not_come_decides_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
