#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "ingest/statict.h"
#include "parser/tile.h"
#include "verify/digest.h"
#include "verify/merkle.h"

static void put_leaf(struct buf *tile, uint64_t index)
{
    buf_u64(tile, 1790000000000u + index);
    buf_u16(tile, 0);
    buf_u24(tile, 3);
    buf_put(tile, SPAN_LIT("\x30\x01\x00"));
    buf_u16(tile, 8);
    buf_put(tile, SPAN_LIT("\0\0\5\0"));
    buf_u32(tile, (uint32_t)index);
    buf_u16(tile, 32);
    uint8_t *issuer = buf_room(tile, 32);
    assert_non_null(issuer);
    memset(issuer, 0xab, 32);
}

static void put_tile(struct buf *tile, uint64_t first, unsigned width)
{
    buf_init(tile, 1 << 20);
    for (unsigned i = 0; i < width; i++)
        put_leaf(tile, first + i);
}

static enum err_code decode(struct batch *batch, struct span body, uint64_t begin, uint64_t end,
                            unsigned width)
{
    batch_reset(batch);
    batch->begin = begin;
    batch->end = end;
    batch->body = arena_copy(&batch->arena, body);
    return statict_proto()->decode(batch, width, NULL);
}

static void test_decode(void **state)
{
    static const struct {
        uint64_t begin, end;
        unsigned width, sent, used;
        enum err_code want;
    } rows[] = {
        {512, 768, 256, 256, 256, ERR_OK}, /* a whole tile */
        {512, 520, 8, 8, 8, ERR_OK},       /* a partial one */
        {516, 520, 8, 8, 4, ERR_OK},       /* its new entries */
        {512, 520, 256, 256, 8, ERR_OK},   /* the full one instead of the partial one */
        {600, 601, 256, 256, 1, ERR_OK},    {512, 520, 8, 9, 8, ERR_OK}, /* more than it should hold */
        {512, 768, 256, 255, 255, ERR_OK}, /* less: the rest is asked for again */
        {600, 768, 256, 88, 0, ERR_FORMAT}, {600, 768, 256, 80, 0, ERR_FORMAT},
        {512, 768, 256, 0, 0, ERR_FORMAT},
    };
    (void)state;
    struct batch batch;
    assert_true(batch_init(&batch, 4 << 20));
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf tile;
        put_tile(&tile, 512, rows[i].sent);
        struct span body = rows[i].sent == 0 ? SPAN_LIT("") : buf_span(&tile);
        assert_int_equal(decode(&batch, body, rows[i].begin, rows[i].end, rows[i].width), rows[i].want);
        buf_fini(&tile);
        if (rows[i].want != ERR_OK)
            continue;
        assert_int_equal(batch.entry_count, rows[i].used);
        assert_int_equal(batch.end, rows[i].begin + rows[i].used);
        for (size_t k = 0; k < batch.entry_count; k++) {
            const struct entry *entry = &batch.entries[k];
            assert_int_equal(entry->index, rows[i].begin + k);
            assert_int_equal(entry->leaf_index, entry->index);
            assert_int_equal(entry->leaf.at[-1], 0);
            assert_int_equal(entry->leaf.len, 28);
            assert_int_equal(entry->unverified_fingerprints.len, 32);
        }
    }
    batch_fini(&batch);
}

/* Of a tile cut off at any byte the whole entries are used, never half of one; bytes behind the last one do
 * not count.
 */
static void test_cut_off(void **state)
{
    (void)state;
    struct batch batch;
    struct buf tile;
    assert_true(batch_init(&batch, 4 << 20));
    put_tile(&tile, 0, 4);
    size_t each = tile.len / 4;
    for (size_t len = 0; len < tile.len; len++) {
        enum err_code want = len < each ? ERR_FORMAT : ERR_OK;
        assert_int_equal(decode(&batch, span_of(tile.at, len), 0, 4, 4), want);
        assert_int_equal(batch.entry_count, len < each ? len != 0 : len / each);
        assert_int_equal(batch.end, len < each ? 4 : len / each);
    }
    buf_byte(&tile, 0);
    assert_int_equal(decode(&batch, buf_span(&tile), 0, 4, 4), ERR_OK);
    assert_int_equal(batch.entry_count, 4);
    buf_fini(&tile);
    batch_fini(&batch);
}

/* An entry whose end nobody knows: what stands before it is used, then the log is stuck there, and all that
 * is left of the tile is there for people. One that can be delimited is passed on as it is. */
static void test_unreadable(void **state)
{
    (void)state;
    struct batch batch;
    struct buf tile;
    struct err why = {.code = ERR_OK};
    assert_true(batch_init(&batch, 4 << 20));
    put_tile(&tile, 512, 8);
    size_t each = tile.len / 8;
    tile.at[2 * each] = 0x80; /* a time beyond all times */
    tile.at[5 * each + 9] = 7;
    assert_int_equal(decode(&batch, buf_span(&tile), 512, 520, 8), ERR_OK);
    assert_int_equal(batch.entry_count, 5);
    assert_int_equal(batch.end, 517);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(batch.entries[i].kind, i == 2 ? ENTRY_OPAQUE : ENTRY_X509);
        assert_int_equal(batch.entries[i].leaf.len, 28);
        assert_int_equal(batch.entries[i].leaf.at[-1], 0);
    }
    batch_reset(&batch);
    batch.begin = 517;
    batch.end = 520;
    batch.body = arena_copy(&batch.arena, buf_span(&tile));
    assert_int_equal(statict_proto()->decode(&batch, 8, &why), ERR_FORMAT);
    assert_non_null(strstr(why.text, "entry 517 "));
    assert_int_equal(batch.entry_count, 1);
    assert_int_equal(batch.entries[0].index, 517);
    assert_true(span_eq(batch.entries[0].extra, span_part(buf_span(&tile), 5 * each, 8 * each)));
    assert_true(finding_has(&batch.entries[0].findings, FINDING_LEAF_ENTRY_TYPE));
    /* Not even the entry asked for is reached. */
    assert_int_equal(decode(&batch, buf_span(&tile), 518, 520, 8), ERR_FORMAT);
    assert_int_equal(batch.entry_count, 0);
    assert_int_equal(decode(&batch, SPAN_LIT("<html>please try later</html>"), 512, 520, 8), ERR_FORMAT);
    assert_int_equal(batch.entry_count, 0);
    buf_fini(&tile);
    batch_fini(&batch);
}

static void test_urls(void **state)
{
    (void)state;
    struct ctlog log = {.url = "https://mon.example/a"};
    char url[PROTO_URL_MAX];
    uint8_t sha256[32] = {0xab};
    statict_proto()->head_url(&log, url);
    assert_string_equal(url, "https://mon.example/a/checkpoint");
    statict_proto()->entries_url(&log, 1234067 * UINT64_C(256) + 7, 1234067 * UINT64_C(256) + 9, 256, url);
    assert_string_equal(url, "https://mon.example/a/tile/data/x001/x234/067");
    statict_proto()->entries_url(&log, 256, 300, 44, url);
    assert_string_equal(url, "https://mon.example/a/tile/data/001.p/44");
    statict_issuer_url(&log, sha256, url);
    assert_string_equal(url, "https://mon.example/a/issuer/"
                             "ab00000000000000000000000000000000000000000000000000000000000000");
}

/* The hash tiles of a tree of `tree` leaves, made the slow way; the frontier of every size comes out of them.
 */
static void leaf_hash_of(uint64_t index, uint8_t hash[32])
{
    digest_sha256(span_of(&index, sizeof(index)), hash);
}

static void node(int level, uint64_t index, uint8_t hash[32])
{
    uint64_t span = UINT64_C(1) << (8 * (unsigned)level);
    struct compact compact = {.size = 0};
    for (uint64_t i = 0; i < span; i++) {
        uint8_t leaf[32];
        leaf_hash_of(index * span + i, leaf);
        merkle_append(&compact, leaf);
    }
    merkle_root(&compact, hash);
}

static void test_frontier(void **state)
{
    static const uint64_t sizes[] = {1, 2, 3, 255, 256, 257, 511, 512, 700, 65536, 65537, 66000};
    (void)state;
    struct ctlog log = {.url = "https://mon.example"};
    for (size_t i = 0; i < countof(sizes); i++) {
        struct compact want = {.size = 0};
        uint8_t nodes[COMPACT_MAX][32];
        size_t count = 0;
        for (uint64_t k = 0; k < sizes[i]; k++) {
            uint8_t leaf[32];
            leaf_hash_of(k, leaf);
            merkle_append(&want, leaf);
        }
        for (int level = STATICT_LEVELS - 1; level >= 0; level--) {
            static uint8_t tile[256][32];
            char url[PROTO_URL_MAX];
            unsigned width = 0;
            unsigned mine = statict_hash_tile(&log, level, sizes[i], sizes[i] + 3, false, url, &width);
            if (mine == 0)
                continue;
            assert_true(width >= mine);
            uint64_t first = sizes[i] >> (8 * (unsigned)(level + 1)) << 8;
            for (unsigned k = 0; k < mine; k++)
                node(level, first + k, tile[k]);
            assert_false(mine > 1 &&
                         statict_hash_nodes(span_of(tile, 32 * (size_t)mine - 1), mine, nodes, &count));
            assert_true(statict_hash_nodes(span_of(tile, 32 * (size_t)mine), mine, nodes, &count));
        }
        assert_int_equal(count, compact_count(&want));
        assert_memory_equal(nodes, want.hash, 32 * count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode), cmocka_unit_test(test_cut_off),  cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_urls),   cmocka_unit_test(test_frontier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
