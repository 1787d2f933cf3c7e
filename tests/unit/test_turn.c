/* Whose turn it is among the backlogs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ingest/turn.h"

/* Gives `rounds` requests of 256 entries to whoever has the lowest pass; counts them. */
static void run(struct turn_wheel *wheel, struct turn *turns, const unsigned *yields, size_t count,
                unsigned rounds, unsigned *given)
{
    for (unsigned i = 0; i < rounds; i++) {
        size_t at = 0;
        for (size_t k = 1; k < count; k++)
            at = turns[k].pass < turns[at].pass ? k : at;
        given[at]++;
        turn_charge(wheel, &turns[at], 256, yields[at]);
    }
}

static void shares_follow_the_yield(void **state)
{
    static const struct {
        unsigned yield[3];
        unsigned given[3]; /* of 1700 */
    } rows[] = {
        {{1000000, 1000000, 1000000}, {567, 567, 566}},
        {{1000000, 500000, 200000}, {1000, 500, 200}},
        {{1000000, 62500, 0}, {1511, 94, 95}}, /* the worst one has its least */
        {{0, 0, 0}, {567, 567, 566}},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct turn_wheel wheel = {0};
        struct turn turns[3] = {{0}, {0}, {0}};
        unsigned given[3] = {0, 0, 0};
        run(&wheel, turns, rows[i].yield, 3, 1700, given);
        for (size_t k = 0; k < 3; k++)
            assert_in_range(given[k], rows[i].given[k] - 2, rows[i].given[k] + 2);
    }
}

/* One that comes back after a long rest has its share, and no more. */
static void a_rest_is_not_made_up_for(void **state)
{
    static const unsigned yields[2] = {1000000, 1000000};
    struct turn_wheel wheel = {0};
    struct turn turns[2] = {{0}, {0}};
    unsigned given[2] = {0, 0};
    (void)state;
    run(&wheel, turns, yields, 1, 100000, given);
    given[0] = 0;
    run(&wheel, turns, yields, 2, 1000, given);
    assert_in_range(given[0], 498, 502);
    assert_in_range(given[1], 498, 502);
}

static void the_yield_moves_with_what_is_read(void **state)
{
    unsigned yield = TURN_YIELD_ALL;
    (void)state;
    assert_int_equal(turn_yield(yield, 0, 0), yield);
    assert_int_equal(turn_yield(yield, 256, 256), TURN_YIELD_ALL);
    assert_in_range(turn_yield(yield, 0, TURN_MEMORY), TURN_YIELD_ALL / 2 - 1, TURN_YIELD_ALL / 2 + 1);
    for (unsigned i = 0; i < 2000; i++)
        yield = turn_yield(yield, 64, 256);
    assert_in_range(yield, 249000, 251000);
    for (unsigned i = 0; i < 2000; i++)
        yield = turn_yield(yield, 300, 256); /* more than there are: as many */
    assert_in_range(yield, 999000, 1000000);
    assert_in_range(turn_yield(0, 1, UINT64_C(1) << 40), 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_follow_the_yield),
        cmocka_unit_test(a_rest_is_not_made_up_for),
        cmocka_unit_test(the_yield_moves_with_what_is_read),
    };
    return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
