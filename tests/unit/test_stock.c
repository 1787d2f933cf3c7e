/* Batches that are used, kept and let go, and what the stock gives out for the room it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/limits.h"
#include "ingest/stock.h"

#define JOBS 32
#define MB   ((size_t)1 << 20)

struct rig {
    struct stock stock;
    struct job *jobs;
};

static void rig_make(struct rig *rig, size_t room)
{
    rig->jobs = calloc(JOBS, sizeof(*rig->jobs));
    assert_non_null(rig->jobs);
    assert_true(stock_init(&rig->stock, JOBS, room));
    for (size_t i = 0; i < JOBS; i++) {
        assert_true(batch_init(&rig->jobs[i].batch, LIMIT_BATCH_BYTES));
        stock_add(&rig->stock, &rig->jobs[i]);
    }
}

static void rig_free(struct rig *rig)
{
    for (size_t i = 0; i < JOBS; i++)
        batch_fini(&rig->jobs[i].batch);
    stock_fini(&rig->stock);
    free(rig->jobs);
}

static void use(struct job *job, size_t bytes)
{
    uint8_t *at = arena_take(&job->batch.arena, bytes, 1);
    assert_non_null(at);
    memset(at, 0x5a, bytes);
}

/* Takes all that can be had, fills each with `bytes`, gives all back. Returns how many. */
static size_t round_of(struct rig *rig, size_t bytes)
{
    struct job *taken[JOBS];
    size_t count = 0;
    while (count < JOBS && (taken[count] = stock_get(&rig->stock)) != NULL)
        use(taken[count++], bytes);
    assert_int_equal(stock_count(&rig->stock), 0);
    assert_int_equal(stock_size(&rig->stock), count);
    for (size_t i = 0; i < count; i++)
        stock_put(&rig->stock, taken[i]);
    return count;
}

/* Bytes of all arenas that are really in memory. */
static size_t resident(const struct rig *rig)
{
    static unsigned char map[LIMIT_BATCH_BYTES / 4096 + 1];
    size_t pages = 0;
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(mincore(rig->jobs[i].batch.arena.base, LIMIT_BATCH_BYTES, map), 0);
        for (size_t k = 0; k < LIMIT_BATCH_BYTES / 4096; k++)
            pages += map[k] & 1u;
    }
    return pages * 4096;
}

static void without_a_bound_all_are_had(void **state)
{
    struct rig rig;
    (void)state;
    rig_make(&rig, 0);
    assert_int_equal(stock_count(&rig.stock), JOBS);
    assert_int_equal(round_of(&rig, 3 * MB), JOBS);
    assert_int_equal(round_of(&rig, 3 * MB), JOBS);
    rig_free(&rig);
}

static void large_replies_are_few_and_small_ones_many(void **state)
{
    static const struct {
        size_t bytes;
        size_t least;
        size_t most;
    } rows[] = {
        {3 * MB, 8, 14},            /* 40 MB hold 13 */
        {256 * 1024, JOBS, JOBS},   /* 160 of them */
        {15 * MB, STOCK_LEAST, 11}, /* 4 MB of each are kept */
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct rig rig;
        rig_make(&rig, 40 * MB);
        for (int k = 0; k < 30; k++)
            (void)round_of(&rig, rows[i].bytes);
        size_t count = round_of(&rig, rows[i].bytes);
        assert_in_range(count, rows[i].least, rows[i].most);
        assert_in_range(resident(&rig), 0, 44 * MB);
        rig_free(&rig);
    }
}

/* Many small ones, then large ones: what was touched long ago is not forgotten in the count. */
static void growing_replies_give_memory_back(void **state)
{
    struct rig rig;
    (void)state;
    rig_make(&rig, 40 * MB);
    for (size_t bytes = MB / 8; bytes <= 4 * MB; bytes *= 2)
        for (int k = 0; k < 3; k++) {
            (void)round_of(&rig, bytes);
            assert_in_range(resident(&rig), 0, 44 * MB);
        }
    rig_free(&rig);
}

static void the_one_used_last_comes_first(void **state)
{
    struct rig rig;
    (void)state;
    rig_make(&rig, 40 * MB);
    struct job *first = stock_get(&rig.stock);
    struct job *second = stock_get(&rig.stock);
    use(first, MB);
    use(second, MB);
    stock_put(&rig.stock, first);
    stock_put(&rig.stock, second);
    assert_ptr_equal(stock_get(&rig.stock), second);
    assert_ptr_equal(stock_get(&rig.stock), first);
    assert_int_equal(stock_size(&rig.stock), stock_count(&rig.stock) + 2);
    rig_free(&rig);
}

static void a_few_are_always_had(void **state)
{
    struct rig rig;
    (void)state;
    rig_make(&rig, 1);
    assert_int_equal(stock_count(&rig.stock), STOCK_LEAST);
    assert_int_equal(round_of(&rig, 4 * MB), STOCK_LEAST);
    assert_int_equal(round_of(&rig, 4 * MB), STOCK_LEAST);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_bound_all_are_had),
        cmocka_unit_test(large_replies_are_few_and_small_ones_many),
        cmocka_unit_test(growing_replies_give_memory_back),
        cmocka_unit_test(the_one_used_last_comes_first),
        cmocka_unit_test(a_few_are_always_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
