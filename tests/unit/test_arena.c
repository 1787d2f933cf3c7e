#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static void aligned_pieces_until_the_ceiling(void **state)
{
    struct arena arena;
    (void)state;
    assert_true(arena_init(&arena, 1000));
    for (size_t align = 1; align <= 64; align *= 2) {
        uint8_t *at = arena_take(&arena, 3, align);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % align, 0);
        memset(at, 0xff, 3);
    }
    assert_null(arena_take(&arena, 1000, 1));
    assert_null(arena_take(&arena, SIZE_MAX, 1));
    assert_null(arena_take(&arena, SIZE_MAX - 8, 16));
    size_t left = 1000 - arena_mark(&arena);
    assert_non_null(arena_take(&arena, left, 1));
    assert_null(arena_take(&arena, 1, 1));
    assert_non_null(arena_take(&arena, 0, 1));
    /* The padding may be read. */
    volatile uint8_t seen = arena.base[arena.ceiling + ARENA_PADDING - 1];
    (void)seen;
    arena_fini(&arena);
    arena_fini(&arena);
}

static void zeroed_arrays(void **state)
{
    struct arena arena;
    (void)state;
    assert_true(arena_init(&arena, 4096));
    memset(arena_take(&arena, 100, 1), 0xff, 100);
    arena_rewind(&arena, 0);
    uint32_t *numbers = arena_zeroed(&arena, 20, sizeof *numbers);
    assert_non_null(numbers);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(numbers[i], 0);
    assert_null(arena_zeroed(&arena, SIZE_MAX / 2, 3));
    arena_fini(&arena);
}

static void copies(void **state)
{
    struct arena arena;
    (void)state;
    assert_true(arena_init(&arena, 8));
    assert_null(arena_copy(&arena, SPAN_NONE).at);
    struct span copy = arena_copy(&arena, SPAN_LIT("abcd"));
    assert_true(span_eq(copy, SPAN_LIT("abcd")));
    assert_non_null(arena_copy(&arena, SPAN_LIT("")).at);
    assert_null(arena_copy(&arena, SPAN_LIT("12345")).at);
    assert_int_equal(arena_mark(&arena), 4);
    arena_fini(&arena);
}

static void only_the_last_piece_grows(void **state)
{
    struct arena arena;
    (void)state;
    assert_true(arena_init(&arena, 64));
    void *first = arena_take(&arena, 8, 1);
    void *second = arena_take(&arena, 8, 1);
    assert_false(arena_grow(&arena, first, 8, 16));
    assert_true(arena_grow(&arena, second, 8, 56));
    assert_false(arena_grow(&arena, second, 56, 57));
    assert_false(arena_grow(&arena, second, 56, SIZE_MAX));
    assert_int_equal(arena_mark(&arena), 64);
    arena_fini(&arena);
}

static void reset_gives_pages_back(void **state)
{
    struct arena arena;
    (void)state;
    assert_true(arena_init(&arena, 1u << 20));
    uint8_t *at = arena_take(&arena, 1u << 20, 1);
    memset(at, 0xaa, 1u << 20);
    assert_int_equal(arena.peak, 1u << 20);
    arena_reset(&arena, 4096);
    assert_int_equal(arena.peak, 0);
    at = arena_take(&arena, 1u << 20, 1);
    assert_int_equal(at[0], 0xaa);           /* kept */
    assert_int_equal(at[(1u << 20) - 1], 0); /* given back to the system */
    arena_fini(&arena);
}

static void file_backed(void **state)
{
    struct arena arena;
    (void)state;
    assert_false(arena_init_file(&arena, 4096, "/nonexistent/folder"));
    arena_fini(&arena);
    assert_true(arena_init_file(&arena, 40u << 20, "/tmp"));
    uint8_t *at = arena_take(&arena, 20u << 20, 1);
    assert_non_null(at);
    at[0] = 1;
    at[(20u << 20) - 1] = 1;
    assert_true(arena.backed >= 20u << 20);
    arena_reset(&arena, 0);
    assert_int_equal(arena.backed, 0);
    at = arena_take(&arena, 40u << 20, 1);
    assert_non_null(at);
    assert_int_equal(at[0], 0);
    at[(40u << 20) - 1] = 2;
    assert_null(arena_take(&arena, 1, 1));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_pieces_until_the_ceiling),
        cmocka_unit_test(zeroed_arrays),
        cmocka_unit_test(copies),
        cmocka_unit_test(only_the_last_piece_grows),
        cmocka_unit_test(reset_gives_pages_back),
        cmocka_unit_test(file_backed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
