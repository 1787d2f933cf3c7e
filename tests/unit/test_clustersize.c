/* What the private cluster takes of a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/clustersize.h"

#define MB (UINT64_C(1) << 20)
#define GB (UINT64_C(1) << 30)

static void what_is_taken(void **state)
{
    static const struct {
        uint64_t memory, disk;
        unsigned buffers_mb, wal_mb;
    } rows[] = {{0, 0, 128, 1024},
                {256 * MB, 5 * GB, 128, 1024},
                {2 * GB, 20 * GB, 512, 1024},
                {2 * GB, 3 * GB, 512, 768},
                {2 * GB, 300 * MB, 512, 75},
                {2 * GB, 100 * MB, 512, 64},
                {23 * GB, 100 * GB, 5888, 5120},
                {64 * GB, 252 * GB, 16384, 8192},
                {2048 * GB, 100000 * GB, 16384, 8192},
                {UINT64_MAX, UINT64_MAX, 16384, 8192}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct clustersize size = clustersize_of(rows[i].memory, rows[i].disk);
        assert_int_equal(size.buffers_mb, rows[i].buffers_mb);
        assert_int_equal(size.wal_mb, rows[i].wal_mb);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
