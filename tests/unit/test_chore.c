#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/chore.h"

struct work {
    struct chore chore;
    atomic_int looks;
    atomic_bool begun;
    int64_t wait_ms;
    bool till_end; /* looks until it is told to end */
};

static int64_t look(void *arg)
{
    struct work *work = arg;
    atomic_store(&work->begun, true);
    while (work->till_end && !atomic_load(&work->chore.stop))
        clock_sleep_ms(1);
    (void)atomic_fetch_add(&work->looks, 1);
    return work->wait_ms;
}

static void start(struct work *work)
{
    struct err why = {.code = ERR_OK};
    if (chore_start(&work->chore, "chore", look, work, &why) != ERR_OK)
        fail_msg("%s", why.text);
    while (!atomic_load(&work->begun))
        clock_sleep_ms(1);
}

/* An hour to go until the next look, or in the middle of one: it ends when it is told to. */
static void it_ends_when_told(void **state)
{
    static const bool till_end[] = {false, true};
    (void)state;
    for (size_t i = 0; i < countof(till_end); i++) {
        struct work work = {.wait_ms = 3600000, .till_end = till_end[i]};
        start(&work);
        chore_stop(&work.chore);
        assert_int_equal(atomic_load(&work.looks), 1);
        assert_false(work.chore.thread.running);
    }
}

static void it_comes_again(void **state)
{
    struct work work = {.wait_ms = 1};
    (void)state;
    start(&work);
    while (atomic_load(&work.looks) < 5)
        clock_sleep_ms(1);
    chore_stop(&work.chore);
    int looks = atomic_load(&work.looks);
    clock_sleep_ms(10);
    assert_int_equal(atomic_load(&work.looks), looks);
}

static void never_started(void **state)
{
    struct work work = {.wait_ms = 1};
    (void)state;
    chore_stop(&work.chore);
    assert_int_equal(atomic_load(&work.looks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_ends_when_told), cmocka_unit_test(it_comes_again),
                                       cmocka_unit_test(never_started)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
