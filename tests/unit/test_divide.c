/* Where ranges are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ingest/divide.h"

static void a_range_that_lags_is_cut_at_the_head(void **state)
{
    static const struct {
        uint64_t next;
        uint64_t head;
        uint64_t most;
        uint64_t at;
    } rows[] = {
        {0, 0, 100, 0},
        {0, 100, 100, 0},
        {0, 101, 100, 0}, /* no border of a tile in between */
        {0, 256, 100, 256},
        {0, 1000, 100, 768},
        {0, 1000, 0, 0}, /* never */
        {0, 1000, 1000, 0},
        {0, 1001, 1000, 768},
        {900, 1000, 10, 0},
        {767, 1000, 10, 768},
        {768, 1000, 10, 0},
        {2000, 1000, 10, 0}, /* the head is an older one */
        {0, UINT64_MAX, 16384, UINT64_MAX - 255},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(divide_at(rows[i].next, rows[i].head, rows[i].most), rows[i].at);
}

static void a_large_rest_is_cut_in_two(void **state)
{
    static const struct {
        uint64_t next;
        uint64_t end;
        uint64_t most;
        uint64_t at;
    } rows[] = {
        {0, 10240, 1000, 5120},
        {0, 10240, 0, 0},
        {0, 10240, 5120, 5120},
        {0, 10240, 5121, 0},
        {0, 512, 100, 256},
        {0, 511, 100, 0},
        {300, 812, 100, 512},
        {256, 512, 1, 0},
        {512, 512, 1, 0},
        {600, 512, 1, 0},
        {1, UINT64_MAX - 255, 16384, (UINT64_C(1) << 63) - 256},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(divide_half(rows[i].next, rows[i].end, rows[i].most), rows[i].at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_that_lags_is_cut_at_the_head),
        cmocka_unit_test(a_large_rest_is_cut_in_two),
    };
    return cmocka_run_group_tests_name("divide", tests, NULL, NULL);
}
