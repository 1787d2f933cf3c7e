#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/batch.h"

static void reset_keeps_the_memory_and_nothing_else(void **state)
{
    struct batch batch;
    struct ctlog log = {.id = 1};
    (void)state;
    assert_true(batch_init(&batch, 1u << 16));
    uint8_t *base = batch.arena.base;
    batch.log = &log;
    batch.begin = 5;
    batch.end = 9;
    batch.big = true;
    batch.entries = arena_zeroed(&batch.arena, 4, sizeof *batch.entries);
    batch.entry_count = 4;
    batch.alert_count = 1;
    batch.watch_generation = 7;
    batch.stage_mark = arena_mark(&batch.arena);
    assert_non_null(batch.entries);
    batch_reset(&batch);
    assert_ptr_equal(batch.arena.base, base);
    assert_int_equal(arena_mark(&batch.arena), 0);
    assert_null(batch.log);
    assert_null(batch.entries);
    assert_int_equal(
        batch.end + batch.entry_count + batch.alert_count + batch.watch_generation + batch.stage_mark, 0);
    assert_true(batch.big);
    assert_int_equal(batch.magic, BATCH_MAGIC);
    batch_fini(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reset_keeps_the_memory_and_nothing_else)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
