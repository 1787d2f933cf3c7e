#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ingest/budget.h"

static const struct tempo_bounds bounds = {.start = 20, .max = 1000, .kept = true};

struct world {
    struct pace pace; /* the record that all share, by a clock of its own */
    bool found;
    int64_t ahead_ms;
};

/* One exchange; false: the record is away. */
static bool turn(struct world *world, struct budget *budget, bool reached, int64_t now_ms)
{
    struct budget_turn turn;
    budget_turn_begin(budget, &turn, now_ms);
    if (!reached) {
        budget_turn_undo(budget, &turn);
        return false;
    }
    double granted =
        budget_step(&budget->bounds, &turn, &world->pace, world->found, now_ms + world->ahead_ms);
    world->found = true;
    budget_turn_end(budget, &turn, &world->pace, granted, now_ms + world->ahead_ms);
    return true;
}

/* Sends all it may in [from, to), everything is answered well; returns how much that was. */
static unsigned spend(struct world *world, struct budget **budgets, size_t count, int64_t from_ms,
                      int64_t to_ms, bool reached, unsigned *each)
{
    unsigned sent = 0;
    bool fresh;
    for (int64_t now_ms = from_ms; now_ms < to_ms; now_ms += 5) {
        for (size_t i = 0; i < count; i++) {
            struct budget *budget = budgets[(i + (size_t)(now_ms / 5)) % count];
            size_t at = (i + (size_t)(now_ms / 5)) % count;
            if ((now_ms + 60 * (int64_t)at) % BUDGET_SLICE_MS == 0)
                (void)turn(world, budget, reached, now_ms);
            if (budget_wait(budget, now_ms) > 0)
                continue;
            budget_take(budget, false, now_ms, &fresh);
            (void)budget_heard(budget, BUDGET_GOOD, now_ms, -1, now_ms);
            each[at]++;
            sent++;
        }
    }
    return sent;
}

/* Three processes share a rate, evenly, and what one leaves the others have. */
static void test_shared(void **state)
{
    (void)state;
    struct tempo_bounds fixed = bounds;
    fixed.max = 20;
    struct world world = {.ahead_ms = 1000000};
    struct budget budget[3];
    struct budget *all[3];
    unsigned each[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        budget_init(&budget[i], "x", "", &fixed, 10000);
        all[i] = &budget[i];
        (void)turn(&world, &budget[i], true, 10000);
    }
    unsigned sent = spend(&world, all, 3, 10000, 70000, true, each);
    assert_in_range(sent, 1130, 1230);
    for (size_t i = 0; i < 3; i++)
        assert_in_range(each[i], 200, 650);
    /* Two of them die with what they have in hand: a second of the rate at most. */
    each[0] = 0;
    sent = spend(&world, all, 1, 70000, 130000, true, each);
    assert_in_range(sent, 1130, 1230);
    for (size_t i = 0; i < 3; i++)
        budget_fini(&budget[i]);
}

/* A hold that one hears reaches the other with its next exchange, whatever their clocks say. */
static void test_hold_spreads(void **state)
{
    (void)state;
    struct world world = {.ahead_ms = 77777777};
    struct budget a, b;
    bool fresh;
    budget_init(&a, "x", "", &bounds, 1000);
    budget_init(&b, "x", "", &bounds, 1000);
    (void)turn(&world, &a, true, 1000);
    (void)turn(&world, &b, true, 1000);
    budget_take(&a, false, 1100, &fresh);
    assert_true(budget_heard(&a, BUDGET_REFUSED, 1100, 30000, 1200));
    assert_int_equal(budget_wait(&a, 1200), 30000);
    assert_int_equal(budget_wait_head(&a, 1200), 30000);
    (void)turn(&world, &a, true, 1200);
    (void)turn(&world, &b, true, 1400);
    assert_int_equal(budget_wait(&b, 1400), 29800);
    /* The same refusal once more: those that went out together count as one. */
    double rate = world.pace.rate;
    assert_false(budget_heard(&a, BUDGET_REFUSED, 1150, 30000, 1300));
    (void)turn(&world, &a, true, 1500);
    assert_true(world.pace.rate >= rate);
    /* A new process reads the hold before it sends anything. */
    struct budget late;
    budget_init(&late, "x", "", &bounds, 2000);
    assert_true(budget_wait(&late, 2000) > 0);
    assert_true(budget_wait_head(&late, 2000) > 0);
    (void)turn(&world, &late, true, 2000);
    assert_int_equal(budget_wait_head(&late, 2000), 29300);
    budget_fini(&a);
    budget_fini(&b);
    budget_fini(&late);
}

/* The database goes away: on with the last share, more slowly after a refusal, and nothing heard is
 * forgotten. */
static void test_alone(void **state)
{
    (void)state;
    struct tempo_bounds fixed = bounds;
    fixed.max = 20;
    struct world world = {.ahead_ms = 0};
    struct budget budget;
    struct budget *all[1] = {&budget};
    unsigned each[1] = {0};
    bool fresh;
    budget_init(&budget, "x", "", &fixed, 10000);
    (void)turn(&world, &budget, true, 10000);
    (void)spend(&world, all, 1, 10000, 40000, true, each);
    (void)turn(&world, &budget, true, 40000);
    unsigned sent = spend(&world, all, 1, 40000, 70000, false, each);
    assert_in_range(sent, 400, 640);
    assert_int_equal(budget.heard.sent, sent);
    assert_true(budget_heard(&budget, BUDGET_REFUSED, 70000, -1, 70000));
    assert_true(budget_wait(&budget, 70000) >= 900);
    unsigned less = spend(&world, all, 1, 70000, 100000, false, each);
    assert_in_range(less, 250, sent * 3 / 4);
    /* It is back, and hears of all of it. */
    double total = world.pace.total;
    (void)turn(&world, &budget, true, 100000);
    assert_true(world.pace.total > total + less);
    budget_take(&budget, false, 100000, &fresh);
    budget_fini(&budget);
}

/* Heads go first and have a quarter, so that entries are never starved by them. */
static void test_heads(void **state)
{
    (void)state;
    struct tempo_bounds fixed = bounds;
    fixed.max = 20;
    struct world world = {.ahead_ms = 0};
    struct budget budget;
    bool fresh;
    unsigned heads = 0, entries = 0;
    budget_init(&budget, "x", "", &fixed, 0);
    for (int64_t now_ms = 0; now_ms < 60000; now_ms += 5) {
        if (now_ms % BUDGET_SLICE_MS == 0)
            (void)turn(&world, &budget, true, now_ms);
        if (budget_wait_head(&budget, now_ms) == 0) {
            budget_take(&budget, true, now_ms, &fresh);
            heads++;
        } else if (budget_wait(&budget, now_ms) == 0) {
            budget_take(&budget, false, now_ms, &fresh);
            entries++;
        }
    }
    assert_in_range(heads, 250, 330);
    assert_in_range(heads + entries, 1100, 1240);
    budget_fini(&budget);
}

/* Who asks for nothing gives back what is in hand. */
static void test_idle(void **state)
{
    (void)state;
    struct world world = {.ahead_ms = 0};
    struct budget budget;
    budget_init(&budget, "x", "", &bounds, 0);
    (void)budget_wait(&budget, 0);
    (void)turn(&world, &budget, true, 0);
    (void)budget_wait(&budget, 1000);
    (void)turn(&world, &budget, true, 1000);
    assert_true(budget.pool >= 1);
    double tokens = world.pace.tokens;
    (void)turn(&world, &budget, true, 4000);
    assert_true(budget.pool < 1);
    assert_true(world.pace.tokens >= tokens);
    budget_fini(&budget);
}

/* A server that names a time beyond all times, and clocks that jump. */
static void test_times(void **state)
{
    (void)state;
    struct world world = {.ahead_ms = 0};
    struct budget budget;
    budget_init(&budget, "x", "", &bounds, 1000);
    (void)turn(&world, &budget, true, 1000);
    (void)budget_heard(&budget, BUDGET_REFUSED, 1000, INT64_MAX, 1001);
    assert_int_equal(budget_wait(&budget, 1001), LIMIT_RETRY_AFTER_MS);
    (void)turn(&world, &budget, true, 1001);
    assert_int_equal(world.pace.hold_until_ms, 1001 + LIMIT_RETRY_AFTER_MS);
    /* The clock of the record is set back by a year: the hold is an hour again, and never more. */
    world.ahead_ms = INT64_C(-31536000000);
    (void)turn(&world, &budget, true, 2000);
    assert_true(world.pace.hold_until_ms <= 2000 + world.ahead_ms + LIMIT_RETRY_AFTER_MS);
    assert_true(budget_wait(&budget, 2000) <= LIMIT_RETRY_AFTER_MS);
    /* And ahead by a year: it is over. */
    world.ahead_ms = INT64_C(31536000000);
    (void)turn(&world, &budget, true, 3000);
    assert_true(world.pace.hold_until_ms < 3000 + world.ahead_ms);
    assert_true(world.pace.tokens <= world.pace.rate + 1);
    budget_fini(&budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared), cmocka_unit_test(test_hold_spreads), cmocka_unit_test(test_alone),
        cmocka_unit_test(test_heads),  cmocka_unit_test(test_idle),         cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
