#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ingest/plan.h"

static void test_cut(void **state)
{
    static const struct {
        bool tiles;
        uint64_t page, align, begin, end, want;
    } rows[] = {
        {false, 256, 0, 0, 1000, 256},     {false, 256, 0, 100, 1000, 356},
        {false, 256, 0, 900, 1000, 1000},  {false, 256, 256, 100, 1000, 256},
        {false, 256, 256, 256, 1000, 512}, {false, 256, 32, 10, 1000, 256},
        {false, 32, 256, 10, 1000, 42},    {false, 256, 256, 900, 1000, 1000},
        {false, 256, 256, 500, 600, 512},  {false, 1, 0, 5, 9, 6},
        {true, 256, 0, 0, 1000, 256},      {true, 256, 0, 255, 1000, 256},
        {true, 256, 0, 257, 300, 300},     {true, 256, 0, 256, 512, 512},
        {true, 256, 0, 700, 800, 768},     {false, 256, 0, UINT64_MAX - 10, UINT64_MAX - 1, UINT64_MAX - 1},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct plan plan;
        plan_init(&plan, rows[i].tiles, rows[i].page);
        plan.align = rows[i].align;
        assert_int_equal(plan_cut(&plan, rows[i].begin, rows[i].end), rows[i].want);
    }
}

/* Reads [begin, end) of a log that gives at most `most` entries up to a multiple of `align`; counts short
 * replies. */
static unsigned read_all(struct plan *plan, uint64_t begin, uint64_t end, uint64_t most, uint64_t align)
{
    unsigned shorts = 0;
    while (begin < end) {
        uint64_t asked = plan_cut(plan, begin, end);
        uint64_t got = asked - begin > most ? begin + most : asked;
        uint64_t edge = align == 0 ? got : begin - begin % align + align;
        got = edge < got ? edge : got;
        shorts += got < asked;
        plan_learn(plan, begin, asked, got);
        begin = got;
    }
    return shorts;
}

/* What real logs serve is learned after very few short replies, and then nothing is asked for in vain. */
static void test_learn(void **state)
{
    static const struct {
        uint64_t begin, most, align, page, want_align;
    } rows[] = {
        {0, 32, 32, 32, 32},        {17, 32, 32, 32, 32}, {100, 256, 256, 256, 256}, {0, 64, 0, 64, 64},
        {1000, 256, 256, 256, 256}, {0, 1000, 0, 256, 0}, {3, 7, 0, 7, 0},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct plan plan;
        plan_init(&plan, false, 256);
        unsigned first = read_all(&plan, rows[i].begin, rows[i].begin + 5000, rows[i].most, rows[i].align);
        assert_true(first <= 40);
        uint64_t begin = (rows[i].begin + 5000) / 1024 * 1024 + 1024;
        if (rows[i].want_align != 0)
            assert_true(read_all(&plan, begin, begin + 2048, rows[i].most, rows[i].align) <= 2);
        assert_true(plan.page >= 1 && plan.page <= 256);
    }
}

/* A page size that was learned too small is grown out of. */
static void test_grow(void **state)
{
    (void)state;
    struct plan plan;
    plan_init(&plan, false, 256);
    plan_learn(&plan, 0, 256, 16);
    plan_learn(&plan, 16, 272, 32);
    assert_int_equal(plan.page, 16);
    uint64_t at = 1024;
    for (unsigned i = 0; i < 5 * PLAN_GROW_AFTER; i++) {
        uint64_t end = plan_cut(&plan, at, at + 100000);
        plan_learn(&plan, at, end, end);
        at = end;
    }
    assert_int_equal(plan.page, 256);
}

/* Replies that are too big make requests smaller, down to one entry, and small ones make them grow again. */
static void test_too_big(void **state)
{
    (void)state;
    struct plan plan;
    plan_init(&plan, false, 256);
    for (uint64_t asked = 256; asked > 1; asked /= 2) {
        plan_too_big(&plan, asked);
        plan_too_big(&plan, asked); /* requests sent together say the same */
        assert_int_equal(plan_cut(&plan, 7, 10000) - 7, asked / 2);
    }
    plan_too_big(&plan, 1);
    assert_int_equal(plan_cut(&plan, 7, 10000), 8);
    for (uint64_t i = 0; i < PLAN_GROW_AFTER; i++)
        plan_learn(&plan, i, i + 1, i + 1);
    assert_int_equal(plan_cut(&plan, 7, 10000), 9);
    plan_init(&plan, true, 256);
    plan_too_big(&plan, 256);
    assert_int_equal(plan_cut(&plan, 0, 10000), 256); /* tiles come whole */
}

/* After a restart: what was learned is asked for at once, never more than is configured now. */
static void test_recall(void **state)
{
    static const struct {
        bool tiles;
        uint64_t page_max, page, align; /* as kept */
        uint64_t want_page, want_align;
        uint64_t begin, first; /* and the first request from there */
    } rows[] = {
        {false, 256, 32, 32, 32, 32, 40, 64},     {false, 256, 0, 0, 256, 0, 40, 296},
        {false, 64, 256, 256, 64, 256, 100, 164}, {false, 256, 100, 0, 100, 0, 7, 107},
        {false, 256, 32, 7, 32, 0, 40, 72},       {false, 256, 32, 1u << 20, 32, 0, 40, 72},
        {true, 256, 32, 32, 256, 0, 40, 256},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct plan plan;
        plan_init(&plan, rows[i].tiles, rows[i].page_max);
        plan_recall(&plan, rows[i].page, rows[i].align);
        assert_int_equal(plan.page, rows[i].want_page);
        assert_int_equal(plan.align, rows[i].want_align);
        assert_int_equal(plan_cut(&plan, rows[i].begin, 1000000), rows[i].first);
        assert_int_equal(plan.short_count, 0); /* recalled is not learned: it is not kept again */
    }
    /* A log like Google's: not one reply is short, from the first on. */
    struct plan plan;
    plan_init(&plan, false, 256);
    plan_recall(&plan, 32, 32);
    assert_int_equal(read_all(&plan, 17, 1000, 32, 32), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),  cmocka_unit_test(test_recall),  cmocka_unit_test(test_learn),
        cmocka_unit_test(test_grow), cmocka_unit_test(test_too_big),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
