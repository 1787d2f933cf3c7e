#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/tile.h"

static void test_path(void **state)
{
    static const struct {
        int level;
        uint64_t index;
        unsigned width;
        const char *path;
    } rows[] = {
        {-1, 0, 256, "tile/data/000"},
        {0, 999, 256, "tile/0/999"},
        {0, 1000, 256, "tile/0/x001/000"},
        {-1, 1234067, 17, "tile/data/x001/x234/067.p/17"},
        {0, 6202854, 176, "tile/0/x006/x202/854.p/176"},
        {5, 0, 1, "tile/5/000.p/1"},
        {0, UINT64_MAX, 255, "tile/0/x018/x446/x744/x073/x709/x551/615.p/255"},
    };
    char path[TILE_PATH_MAX];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(tile_path(rows[i].level, rows[i].index, rows[i].width, path), strlen(rows[i].path));
        assert_string_equal(path, rows[i].path);
    }
}

static void test_width(void **state)
{
    static const struct {
        int level;
        uint64_t index;
        uint64_t size;
        unsigned width;
    } rows[] = {
        {0, 0, 0, 0},
        {0, 0, 1, 1},
        {0, 272, 70000, 256},
        {0, 273, 70000, 112},
        {0, 274, 70000, 0},
        {1, 0, 70000, 256},
        {1, 1, 70000, 17},
        {2, 0, 70000, 1},
        {3, 0, 70000, 0},
        {0, 6202854, 1587930800, 176},
        {1, 24229, 1587930800, 230},
        {2, 94, 1587930800, 165},
        {3, 0, 1587930800, 94},
        {8, 0, UINT64_MAX, 0},
        {0, UINT64_MAX, UINT64_MAX, 0},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(tile_width(rows[i].level, rows[i].index, rows[i].size), rows[i].width);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_path), cmocka_unit_test(test_width)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
