#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void the_environment_shifts_the_wall(void **state)
{
    struct timespec now;
    (void)state;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    int64_t shifted_s = clock_wall_ms() / 1000 - now.tv_sec;
    assert_true(shifted_s == 86400 || shifted_s == 86401);
}

static void a_test_clock_runs_on(void **state)
{
    (void)state;
    int64_t before_ms = clock_wall_ms();
    clock_set_test(1000000);
    int64_t first_ms = clock_wall_ms();
    assert_in_range(first_ms, 1000000, 1005000);
    clock_sleep_ms(15);
    int64_t second_ms = clock_wall_ms();
    assert_true(second_ms >= first_ms + 14);
    clock_set_test(-1);
    assert_true(clock_wall_ms() >= before_ms);
}

static void sleep_waits_and_mono_never_goes_back(void **state)
{
    (void)state;
    int64_t begin_ms = clock_mono_ms(), begin_ns = clock_mono_ns();
    clock_sleep_ms(20);
    clock_sleep_ms(0);
    clock_sleep_ms(-5);
    assert_true(clock_mono_ms() - begin_ms >= 19);
    assert_true(clock_mono_ns() - begin_ns >= 19000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_shifts_the_wall),
        cmocka_unit_test(a_test_clock_runs_on),
        cmocka_unit_test(sleep_waits_and_mono_never_goes_back),
    };
    /* Read once, at the first look at the clock. */
    if (setenv("CTVIGIL_TEST_CLOCK_OFFSET_S", "86400", 1) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
