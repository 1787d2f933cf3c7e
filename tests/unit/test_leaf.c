#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/leaf.h"
#include "tests/unit/sample.h"

static void test_leaf(void **state)
{
    static const struct {
        const char *file;
        enum entry_kind kind;
        int finding; /* -1: none */
        int64_t leaf_index;
    } rows[] = {
        {"leaf/x509", ENTRY_X509, -1, -1},
        {"leaf/precert", ENTRY_PRECERT, -1, 7},
        {"leaf/unknown_type", ENTRY_OPAQUE, FINDING_LEAF_ENTRY_TYPE, -1},
        {"leaf/version", ENTRY_OPAQUE, FINDING_LEAF_VERSION, -1},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span leaf = sample_load(rows[i].file);
        struct entry entry = {.index = 7};
        leaf_read(leaf, &entry);
        assert_int_equal(entry.kind, rows[i].kind);
        assert_true(entry.leaf_index == rows[i].leaf_index);
        assert_true(entry.leaf.at == leaf.at && entry.leaf.len == leaf.len);
        if (rows[i].finding >= 0)
            assert_true(finding_has(&entry.findings, (enum finding)rows[i].finding));
        else
            assert_true(finding_none(&entry.findings) && entry.timestamp_ms == 1700000000123);
        sample_free(leaf);
    }
}

static void test_every_cut(void **state)
{
    struct span leaf = sample_load("leaf/precert");

    (void)state;
    for (size_t len = 0; len < leaf.len; len++) {
        struct entry entry = {.index = 0};
        leaf_read(span_part(leaf, 0, len), &entry);
        assert_int_equal(entry.kind, ENTRY_OPAQUE);
        assert_true(finding_has(&entry.findings, FINDING_LEAF_UNREADABLE));
    }
    sample_free(leaf);
}

static void test_trailing(void **state)
{
    struct span leaf = sample_load("leaf/x509");
    uint8_t *longer = malloc(leaf.len + 1);
    struct entry entry = {.index = 0};

    (void)state;
    assert_non_null(longer);
    memcpy(longer, leaf.at, leaf.len);
    longer[leaf.len] = 0;
    leaf_read(span_of(longer, leaf.len + 1), &entry);
    assert_int_equal(entry.kind, ENTRY_X509);
    assert_true(finding_has(&entry.findings, FINDING_LEAF_TRAILING));
    free(longer);
    sample_free(leaf);
}

static void test_extra(void **state)
{
    static const struct {
        const char *file;
        enum entry_kind kind;
        size_t cut;
        uint32_t chain;
        bool fits;
    } rows[] = {
        {"leaf/extra_x509", ENTRY_X509, 0, 2, true},       {"leaf/extra_x509", ENTRY_X509, 1, 0, false},
        {"leaf/extra_precert", ENTRY_PRECERT, 0, 1, true}, {"leaf/extra_precert", ENTRY_X509, 0, 0, false},
        {"leaf/extra_precert", ENTRY_OPAQUE, 0, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span extra = sample_load(rows[i].file);
        struct entry entry = {.kind = rows[i].kind};
        leaf_read_extra(span_part(extra, 0, extra.len - rows[i].cut), &entry);
        if (rows[i].fits)
            assert_int_equal(entry.chain_count, rows[i].chain);
        assert_int_equal(finding_has(&entry.findings, FINDING_EXTRA_UNREADABLE), !rows[i].fits);
        assert_int_equal(entry.unverified_precert.at != NULL, rows[i].kind == ENTRY_PRECERT);
        sample_free(extra);
    }
}

static void test_tile(void **state)
{
    struct span tile = sample_load("leaf/tile");
    struct cur cur = cur_of(tile);
    uint8_t *room = malloc(tile.len + 2);
    struct entry first = {.index = 7};
    struct entry second = {.index = 8};

    (void)state;
    assert_non_null(room);
    assert_true(leaf_read_tile(&cur, room, tile.len + 2, &first));
    assert_int_equal(first.kind, ENTRY_X509);
    assert_int_equal(first.unverified_fingerprints.len, 64);
    assert_false(finding_has(&first.findings, FINDING_LEAF_INDEX));
    assert_true(first.leaf.at == room && room[0] == 0 && room[1] == 0);
    assert_true(first.cert_der.at > room && first.cert_der.at < room + first.leaf.len);
    /* The second names position 7 as well. */
    assert_true(leaf_read_tile(&cur, room, tile.len + 2, &second));
    assert_int_equal(second.kind, ENTRY_PRECERT);
    assert_true(finding_has(&second.findings, FINDING_LEAF_INDEX));
    assert_true(second.unverified_precert.len > 0);
    assert_true(cur_done(&cur));
    free(room);
    sample_free(tile);
}

/* An entry that ends where it says and is none all the same: kept whole, and the next one is read. */
static void test_tile_odd(void **state)
{
    static const struct {
        size_t at; /* in the first leaf, an x509_entry */
        uint8_t byte;
        int cut; /* the length of the certificate becomes 0 */
    } rows[] = {{0, 0x80, 0}, {0, 0xff, 0}, {10, 0, 1}};
    struct span tile = sample_load("leaf/tile");
    uint8_t *copy = malloc(tile.len);
    uint8_t *room = malloc(2 * tile.len);

    (void)state;
    assert_true(copy != NULL && room != NULL);
    for (size_t i = 0; i < countof(rows); i++) {
        struct entry first = {.index = 7};
        struct entry second = {.index = 8};
        struct entry good = {.index = 7};
        struct cur cur = cur_of(tile);
        assert_true(leaf_read_tile(&cur, room, 2 * tile.len, &good));
        size_t body = good.cert_der.len;
        size_t len = tile.len;
        memcpy(copy, tile.at, tile.len);
        copy[rows[i].at] = rows[i].byte;
        if (rows[i].cut) {
            memset(copy + 10, 0, 3);
            memmove(copy + 13, copy + 13 + body, tile.len - 13 - body);
            len -= body;
        }
        cur = cur_of(span_of(copy, len));
        assert_true(leaf_read_tile(&cur, room, 2 * tile.len, &first));
        assert_int_equal(first.kind, ENTRY_OPAQUE);
        assert_true(finding_has(&first.findings, FINDING_LEAF_UNREADABLE));
        assert_true(finding_names_lost(&first.findings));
        assert_null(first.cert_der.at);
        assert_int_equal(first.leaf.len, good.leaf.len - (rows[i].cut ? body : 0));
        assert_memory_equal(first.leaf.at + 2, copy, first.leaf.len - 2);
        assert_int_equal(first.extra.len, good.extra.len);
        assert_true(leaf_read_tile(&cur, room, 2 * tile.len, &second));
        assert_int_equal(second.kind, ENTRY_PRECERT);
        assert_true(cur_done(&cur));
        /* Once stored, the leaf alone must say the same. */
        struct entry again = {.index = 7};
        struct cur head = cur_of(span_of(copy, len));
        assert_true(leaf_read_tile(&head, room, 2 * tile.len, &first));
        leaf_read(first.leaf, &again);
        assert_int_equal(again.kind, ENTRY_OPAQUE);
        assert_memory_equal(&again.findings, &first.findings, sizeof again.findings);
    }
    free(copy);
    free(room);
    sample_free(tile);
}

/* A precert_entry without its precertificate: the same finding from a tile as from get-entries. */
static void test_no_precert(void **state)
{
    static const uint8_t head[] = "\0\0\1\x8b\xcf\xe5\x68\x7b\0\1"               /* time, precert_entry */
                                  "0123456789abcdef0123456789abcdef\0\0\2\x30\0" /* key, TBS */
                                  "\0\x08\0\0\5\0\0\0\0\7"                       /* leaf_index */
                                  "\0\0\1x"                                      /* pre_certificate */
                                  "\0\0";                                        /* no fingerprints */
    uint8_t tile[sizeof head - 1];
    uint8_t room[sizeof tile + 2];

    (void)state;
    for (unsigned empty = 0; empty < 2; empty++) {
        struct entry entry = {.index = 7};
        struct entry other = {.kind = ENTRY_PRECERT};
        memcpy(tile, head, sizeof tile);
        if (empty)
            memcpy(tile + sizeof tile - 6, "\0\0\0\0\0", 5);
        struct cur cur = cur_of(span_of(tile, sizeof tile - empty));
        assert_true(leaf_read_tile(&cur, room, sizeof room, &entry) && cur_done(&cur));
        assert_int_equal(entry.kind, ENTRY_PRECERT);
        assert_int_equal(entry.unverified_precert.len, 1 - empty);
        assert_int_equal(finding_has(&entry.findings, FINDING_EXTRA_UNREADABLE), empty);
        leaf_read_extra(empty ? SPAN_LIT("\0\0\0\0\0\0") : SPAN_LIT("\0\0\1x\0\0\0"), &other);
        assert_memory_equal(&entry.findings, &other.findings, sizeof other.findings);
    }
}

static void test_tile_unknown_type(void **state)
{
    struct span tile = sample_load("leaf/tile");
    uint8_t *room = malloc(tile.len + 2);
    struct entry entry = {.index = 7};

    (void)state;
    assert_non_null(room);
    ((uint8_t *)(uintptr_t)tile.at)[9] = 2;
    struct cur cur = cur_of(tile);
    assert_false(leaf_read_tile(&cur, room, tile.len + 2, &entry));
    assert_true(finding_has(&entry.findings, FINDING_LEAF_ENTRY_TYPE));
    assert_ptr_equal(cur.at, tile.at);
    free(room);
    sample_free(tile);
}

static void test_tile_lost(void **state)
{
    struct span tile = sample_load("leaf/tile");
    uint8_t *room = malloc(tile.len + 2);

    (void)state;
    assert_non_null(room);
    for (size_t len = 1; len < 400; len++) {
        struct cur cur = cur_of(span_part(tile, 0, len));
        struct entry entry = {.index = 0};
        assert_false(leaf_read_tile(&cur, room, tile.len + 2, &entry));
        assert_ptr_equal(cur.at, tile.at);
        assert_int_equal(entry.kind, ENTRY_OPAQUE);
        assert_null(entry.cert_der.at);
    }
    struct cur cur = cur_of(tile);
    struct entry entry = {.index = 0};
    assert_false(leaf_read_tile(&cur, room, 20, &entry));
    free(room);
    sample_free(tile);
}

/* What is kept raw says itself from where it came. */
static void test_extra_of_tile(void **state)
{
    struct span x509 = sample_load("leaf/extra_x509");
    struct span precert = sample_load("leaf/extra_precert");
    struct span tile = sample_load("leaf/tile");
    struct cur cur = cur_of(tile);
    uint8_t *room = malloc(tile.len + 2);

    (void)state;
    assert_non_null(room);
    assert_false(leaf_extra_of_tile(ENTRY_X509, x509));
    assert_false(leaf_extra_of_tile(ENTRY_PRECERT, precert));
    for (uint64_t i = 0; !cur_done(&cur); i++) {
        struct entry entry = {.index = i};
        assert_true(leaf_read_tile(&cur, room, tile.len + 2, &entry));
        assert_true(leaf_extra_of_tile(entry.kind, entry.extra));
        assert_false(leaf_extra_of_tile(entry.kind, span_part(entry.extra, 0, entry.extra.len - 1)));
        assert_false(leaf_extra_of_tile(ENTRY_OPAQUE, entry.extra));
    }
    assert_false(leaf_extra_of_tile(ENTRY_X509, SPAN_LIT("")));
    assert_true(leaf_extra_of_tile(ENTRY_X509, SPAN_LIT("\0\0")));
    assert_false(leaf_extra_of_tile(ENTRY_X509, SPAN_LIT("\0\0\0")));
    free(room);
    sample_free(tile);
    sample_free(precert);
    sample_free(x509);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaf),       cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_trailing),   cmocka_unit_test(test_extra),
        cmocka_unit_test(test_tile),       cmocka_unit_test(test_tile_lost),
        cmocka_unit_test(test_tile_odd),   cmocka_unit_test(test_tile_unknown_type),
        cmocka_unit_test(test_no_precert), cmocka_unit_test(test_extra_of_tile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
