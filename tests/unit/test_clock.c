#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static void the_environment_shifts_the_wall(void **state)
{
    struct timespec now;
    (void)state;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    int64_t shifted_s = clock_wall_ms() / 1000 - now.tv_sec;
    assert_true(shifted_s >= 86400 && shifted_s < 86460);
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

static void file_write(const char *file, const char *text)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void a_file_moves_the_clocks_while_the_program_runs(void **state)
{
    const char *file = getenv("CTVIGIL_TEST_CLOCK_FILE");
    (void)state;
    int64_t wall_ms = clock_wall_ms(), mono_ms = clock_mono_ms();
    file_write(file, "-259200\n");
    assert_true(clock_wall_ms() < wall_ms - 259000000);
    assert_true(clock_mono_ms() - mono_ms < 60000);
    file_write(file, "0\n3600\n");
    assert_true(clock_wall_ms() - wall_ms < 60000);
    assert_true(clock_mono_ms() - mono_ms >= 3600000);
    assert_true(clock_mono_ns() / 1000000 - mono_ms >= 3600000);
    static const char *const nonsense[] = {"", "x\ny\n", "9999999999999999\n", "\n\n\n"};
    for (size_t i = 0; i < countof(nonsense); i++) {
        file_write(file, nonsense[i]);
        assert_true(clock_wall_ms() >= wall_ms && clock_wall_ms() - wall_ms < 60000);
        assert_true(clock_mono_ms() - mono_ms < 60000);
    }
    assert_int_equal(unlink(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_shifts_the_wall),
        cmocka_unit_test(a_test_clock_runs_on),
        cmocka_unit_test(sleep_waits_and_mono_never_goes_back),
        cmocka_unit_test(a_file_moves_the_clocks_while_the_program_runs),
    };
    /* Read once, at the first look at the clock. */
    char file[] = "/tmp/test_clock.XXXXXX";
    int fd = mkstemp(file);
    if (fd < 0 || close(fd) != 0 || setenv("CTVIGIL_TEST_CLOCK_OFFSET_S", "86400", 1) != 0 ||
        setenv("CTVIGIL_TEST_CLOCK_FILE", file, 1) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
