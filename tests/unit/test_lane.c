#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/lane.h"

static void test_holes_merge(void **state)
{
    (void)state;
    struct lane lane;
    assert_true(lane_init(&lane));
    lane_start(&lane, 0, 10000);
    lane_hole(&lane, 100, 200);
    lane_hole(&lane, 300, 400);
    lane_hole(&lane, 0, 50);
    assert_int_equal(lane.hole_count, 3);
    lane_hole(&lane, 200, 300);
    assert_int_equal(lane.hole_count, 2);
    assert_int_equal(lane.holes[1].begin, 100);
    assert_int_equal(lane.holes[1].end, 400);
    assert_true(lane_starved(&lane));
    lane_hole(&lane, 50, 100);
    assert_int_equal(lane.hole_count, 1);
    assert_int_equal(lane.holes[0].end, 400);
    lane_fini(&lane);
}

/* A log that gives back what it likes, out of order: every entry leaves exactly once and in order. */
static void test_random_log(void **state)
{
    (void)state;
    static char token[1];
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct lane lane;
        struct plan plan;
        struct lane_hole under_way[LIMIT_WINDOW];
        size_t count = 0;
        uint64_t left = 17;
        srand(seed);
        assert_true(lane_init(&lane));
        plan_init(&plan, seed % 3 == 0, 64);
        lane_start(&lane, 17, 5000);
        for (unsigned turn = 0; left < 5000 && turn < 100000; turn++) {
            uint64_t begin;
            uint64_t end;
            while (lane.outstanding < 8 && lane_next(&lane, &plan, 5000, &begin, &end)) {
                under_way[count++] = (struct lane_hole){begin, end};
                lane.outstanding++;
            }
            assert_true(count > 0);
            size_t at = (size_t)rand() % count;
            struct lane_hole reply = under_way[at];
            under_way[at] = under_way[--count];
            uint64_t got = reply.begin + 1 + (uint64_t)rand() % (reply.end - reply.begin);
            if (got < reply.end)
                lane_hole(&lane, got, reply.end);
            assert_true(seq_put(&lane.seq, reply.begin, got, token));
            while (seq_take(&lane.seq, &begin, &end) != NULL) {
                assert_int_equal(begin, left);
                left = end;
                lane.outstanding--;
            }
        }
        assert_int_equal(left, 5000);
        assert_int_equal(lane.hole_count, 0);
        lane_fini(&lane);
    }
}

static void test_start_stop(void **state)
{
    (void)state;
    struct lane lane;
    struct plan plan;
    uint64_t begin;
    uint64_t end;
    assert_true(lane_init(&lane));
    plan_init(&plan, false, 100);
    assert_false(lane_next(&lane, &plan, 1000, &begin, &end));
    lane_start(&lane, 5, UINT64_MAX);
    uint64_t ordinal = lane.ordinal;
    assert_true(lane_has(&lane, 6) && !lane_has(&lane, 5));
    assert_true(lane_next(&lane, &plan, 50, &begin, &end));
    assert_int_equal(begin, 5);
    assert_int_equal(end, 50);
    assert_false(lane_next(&lane, &plan, 50, &begin, &end));
    lane_hole(&lane, 20, 50);
    lane_stop(&lane);
    assert_false(lane_has(&lane, 1000));
    assert_true(lane.ordinal != ordinal);
    lane_start(&lane, 10, 20);
    assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_int_equal(begin, 10);
    assert_int_equal(end, 20);
    lane_fini(&lane);
}

/* What a refusal teaches: how often, how long, and that half may do. */
static void test_refused(void **state)
{
    (void)state;
    struct lane lane;
    struct plan plan;
    uint64_t begin;
    uint64_t end;
    assert_true(lane_init(&lane));
    plan_init(&plan, false, 100);
    lane_start(&lane, 0, 1000);
    for (unsigned i = 0; i < 3; i++)
        assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_int_equal(end, 300);
    assert_int_equal(lane_refused(&lane, 200, 300, 5000), 1);
    assert_int_equal(lane_refused(&lane, 100, 200, 5001), 1); /* a lower one is the one that counts */
    assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_true(begin == 100 && end == 200);
    assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_true(begin == 200 && end == 300);
    assert_int_equal(lane_refused(&lane, 200, 300, 6000), 0);
    assert_int_equal(lane_refused(&lane, 100, 200, 6000), 2);
    assert_false(lane_stuck(&lane, 2, 2000, 6000));
    assert_false(lane_stuck(&lane, 3, 500, 6000));
    lane_halve(&lane);
    assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_true(begin == 100 && end == 150);
    assert_int_equal(lane_refused(&lane, 100, 150, 8000), 3);
    assert_true(lane_stuck(&lane, 3, 2000, 8000));
    assert_false(lane_stuck(&lane, 3, 2000, 9000)); /* told once */
    for (unsigned i = 0; i < 20; i++)
        lane_halve(&lane);
    assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_true(begin == 100 && end == 101); /* never less than one */
    lane_came(&lane, 100, 101);
    assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_true(begin == 101 && end == 201); /* and nothing of it is left */
    assert_int_equal(lane_refused(&lane, 101, 201, 10000), 1);
    lane_fini(&lane);
}

/* A stretch that needs the one big arena is given out when the lane waits for it, and nothing behind it. */
static void test_big(void **state)
{
    (void)state;
    static char token[1];
    struct lane lane;
    struct plan plan;
    uint64_t begin;
    uint64_t end;
    assert_true(lane_init(&lane));
    plan_init(&plan, false, 100);
    lane_start(&lane, 0, 1000);
    for (unsigned i = 0; i < 3; i++)
        assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    lane_too_big(&lane, 250, 251);
    lane_too_big(&lane, 150, 151);
    lane_hole(&lane, 100, 150);
    lane_hole(&lane, 151, 250);
    assert_false(lane_next_big(&lane));
    assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_true(begin == 100 && end == 150);
    assert_true(lane_next_big(&lane));
    assert_false(lane_has(&lane, 1000));
    assert_false(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_true(seq_put(&lane.seq, 0, 100, token) && seq_put(&lane.seq, 100, 150, token));
    assert_ptr_equal(seq_take(&lane.seq, NULL, NULL), token);
    assert_false(lane_has(&lane, 1000));
    assert_ptr_equal(seq_take(&lane.seq, NULL, NULL), token);
    assert_true(lane_has(&lane, 1000) && lane_next_big(&lane));
    assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_true(begin == 150 && end == 151);
    lane_came(&lane, 150, 151);
    assert_true(lane_next(&lane, &plan, 1000, &begin, &end));
    assert_true(begin == 151 && end == 251);
    lane_fini(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holes_merge), cmocka_unit_test(test_random_log),
        cmocka_unit_test(test_start_stop),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_big),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
