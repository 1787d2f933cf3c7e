/* Which tiles the files of an archive hold: names that are not the one way to write a tile are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zip.h>

#include "ingest/archset.h"

#define FILES 4
#define SIZE  (UINT64_C(65537) * 256 + 7) /* 65,537 full tiles and one of 7 entries, in two files */

static char folder[] = "/tmp/ctvigil-test-archset.XXXXXX";
static char path[FILES][64];

static const char *const members[FILES][12] = {
    {"checkpoint", "tile/data/000", "tile/data/001", "tile/data/x065/535", "tile/data/x065/536",
     "tile/0/000"},
    {"tile/data/x065/536", "tile/data/x065/537.p/7", "tile/data/x065/537.p/6", "tile/data/x065/537",
     "issuer/one"},
    /* None of these. */
    {"tile/data/0", "tile/data/0000", "tile/data/000/000", "tile/data/x000/000", "tile/data/-01",
     "tile/data/", "tile/data/x001/1", "tile/data/99999999999999999999999", "tile/data/../data/002",
     "xtile/data/002", "tile/data/x065/538", "tile/data/002.p/256"},
    {"issuer/two"},
};

static void make(void)
{
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < FILES; i++) {
        int number = 0;
        (void)snprintf(path[i], sizeof(path[i]), "%s/%zu.zip", folder, i);
        zip_t *zip = zip_open(path[i], ZIP_CREATE | ZIP_TRUNCATE, &number);
        assert_non_null(zip);
        for (size_t k = 0; k < countof(members[i]) && members[i][k] != NULL; k++) {
            const char *name = members[i][k];
            zip_source_t *source = zip_source_buffer(zip, name, strlen(name), 0);
            assert_true(zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) >= 0);
        }
        assert_int_equal(zip_close(zip), 0);
    }
}

static enum err_code add(struct archset *set, size_t file, struct err *why)
{
    struct zipfile *zip = NULL;
    assert_int_equal(zipfile_open(path[file], &zip, why), ERR_OK);
    return archset_add(set, path[file], zip, SIZE, why);
}

static void test_tiles(void **state)
{
    static const uint64_t want[] = {0, 1, 65535, 65536, 65537};
    struct archset *set = archset_new();
    struct err why = {.code = ERR_OK};
    size_t count = 0;
    (void)state;
    assert_non_null(set);
    assert_int_equal(add(set, 2, &why), ERR_OK);
    (void)archset_tiles(set, &count);
    assert_int_equal(count, 0);
    assert_int_equal(add(set, 1, &why), ERR_OK);
    assert_int_equal(add(set, 0, &why), ERR_OK);
    const uint64_t *tiles = archset_tiles(set, &count);
    assert_int_equal(count, countof(want));
    for (size_t i = 0; i < countof(want); i++)
        assert_int_equal(tiles[i], want[i]);
    assert_int_equal(add(set, 1, &why), ERR_EXISTS);
    (void)archset_tiles(set, &count);
    assert_int_equal(count, countof(want));
    assert_int_equal(archset_count(set), 3);
    archset_free(set);
}

/* More files than are open at once, and each member is found in whichever has it. */
static void test_read(void **state)
{
    static const struct {
        const char *name;
        uint64_t tile;
        enum err_code code;
    } rows[] = {
        {"checkpoint", ARCHSET_ANY, ERR_OK},
        {"issuer/two", ARCHSET_ANY, ERR_OK},
        {"issuer/one", ARCHSET_ANY, ERR_OK},
        {"tile/data/000", 0, ERR_OK},
        {"tile/data/x065/536", 65536, ERR_OK},
        {"tile/data/x065/537.p/7", 65537, ERR_OK},
        {"tile/0/000", 0, ERR_OK},
        {"tile/0/001", 1, ERR_NOT_FOUND},
        {"issuer/three", ARCHSET_ANY, ERR_NOT_FOUND},
        {"tile/data/000", UINT64_C(1) << 40, ERR_NOT_FOUND}, /* nobody is about that part */
    };
    struct archset *set = archset_new();
    struct arena arena;
    (void)state;
    assert_non_null(set);
    assert_true(arena_init(&arena, 1u << 20));
    for (size_t i = 0; i < FILES; i++)
        assert_int_equal(add(set, i, NULL), ERR_OK);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < countof(rows); i++) {
            struct err why = {.code = ERR_OK};
            struct span body = SPAN_NONE;
            enum err_code code =
                archset_read(set, rows[i].name, rows[i].tile, false, &arena, 4096, &body, &why);
            if (code != rows[i].code)
                fail_msg("%s: %s", rows[i].name, why.text);
            if (code == ERR_OK)
                assert_true(span_eq(body, span_str(rows[i].name)));
        }
    }
    /* A file that is gone meanwhile is a refusal with its name. */
    for (size_t i = 0; i < FILES; i++)
        unlink(path[i]);
    for (size_t i = 0; i < countof(rows); i++) {
        struct err why = {.code = ERR_OK};
        struct span body;
        (void)!archset_read(set, rows[i].name, rows[i].tile, false, &arena, 4096, &body, &why);
    }
    arena_fini(&arena);
    archset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_read),
    };
    make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < FILES; i++)
        unlink(path[i]);
    rmdir(folder);
    return failed;
}
