#include "tests/unit/facade.h"

static void test_entries(void **state)
{
    struct span bytes = sample_load("leaf/tile");
    struct ctvigil_tile tile;
    struct ctvigil_entry entry;
    struct ctvigil_findings findings;
    int count = 0;

    (void)state;
    ctvigil_tile_begin(&tile, (struct ctvigil_bytes){bytes.at, bytes.len}, 7);
    uint8_t *room = malloc(bytes.len + 2);
    assert_non_null(room);
    for (;; count++) {
        assert_int_equal(ctvigil_tile_next(&tile, &entry, room, 1), count == 2 ? 1 : CTVIGIL_TILE_ROOM);
        assert_true(ctvigil_tile_room(&tile) <= bytes.len + 2);
        if (ctvigil_tile_next(&tile, &entry, room, ctvigil_tile_room(&tile)) != CTVIGIL_TILE_ENTRY)
            break;
        struct ctvigil_bytes leaf = ctvigil_entry_leaf(&entry);
        assert_true(leaf.data == room && leaf.data[0] == 0 && leaf.data[1] == 0);
        assert_int_not_equal(ctvigil_entry_kind(&entry), CTVIGIL_ENTRY_OPAQUE);
        ctvigil_entry_findings(&entry, &findings);
        assert_int_equal(ctvigil_findings_has(&findings, CTVIGIL_FINDING_LEAF_INDEX),
                         ctvigil_entry_leaf_index(&entry) != 7 + count);
        assert_int_equal(ctvigil_entry_unverified_fingerprints(&entry).size % 32, 0);
    }
    assert_int_equal(count, 2);
    assert_int_equal(ctvigil_tile_next(&tile, &entry, room, bytes.len + 2), CTVIGIL_TILE_END);
    assert_int_equal(ctvigil_entry_kind(&entry), CTVIGIL_ENTRY_OPAQUE);
    free(room);
    sample_free(bytes);
}

static void test_lost(void **state)
{
    struct span bytes = sample_load("leaf/tile");
    uint8_t *room = malloc(bytes.len + 2);
    struct ctvigil_tile tile;
    struct ctvigil_entry entry;
    struct ctvigil_findings findings;
    int status;

    (void)state;
    assert_non_null(room);
    ctvigil_tile_begin(&tile, (struct ctvigil_bytes){bytes.at, bytes.len - 1}, 0);
    while ((status = ctvigil_tile_next(&tile, &entry, room, bytes.len + 2)) == CTVIGIL_TILE_ENTRY)
        continue;
    assert_int_equal(status, CTVIGIL_TILE_LOST);
    ctvigil_entry_findings(&entry, &findings);
    assert_true(ctvigil_findings_any_broken(&findings));
    ctvigil_tile_begin(&tile, (struct ctvigil_bytes){NULL, 0}, 0);
    assert_int_equal(ctvigil_tile_next(&tile, &entry, room, 2), CTVIGIL_TILE_END);
    free(room);
    sample_free(bytes);
}

static void test_paths(void **state)
{
    char path[CTVIGIL_TILE_PATH];

    (void)state;
    assert_int_equal(ctvigil_tile_path(-1, 1234067, 17, path), 28);
    assert_string_equal(path, "tile/data/x001/x234/067.p/17");
    assert_int_equal(ctvigil_tile_path(-2, 0, 1, path), 0);
    assert_int_equal(ctvigil_tile_path(8, 0, 1, path), 0);
    assert_int_equal(ctvigil_tile_path(0, 0, 0, path), 0);
    assert_int_equal(ctvigil_tile_path(0, 0, 257, path), 0);
    assert_int_equal(ctvigil_tile_width(0, 273, 70000), 112);
    assert_int_equal(ctvigil_tile_width(-1, 273, 70000), 0);
    assert_int_equal(ctvigil_tile_width(8, 0, 70000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_entries), cmocka_unit_test(test_lost),
                                       cmocka_unit_test(test_paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
