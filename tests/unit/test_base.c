#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

static void true_condition_passes(void **state)
{
    (void)state;
    must(1 + 1 == 2);
}

/* The panic line names file and condition, and the process dies of SIGABRT. */
static void false_condition_aborts(void **state)
{
    int pipe_ends[2], status;
    char said[512];
    ssize_t got;
    (void)state;
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(pipe_ends[1], STDERR_FILENO);
        must(1 + 1 == 3);
        _exit(0);
    }
    (void)close(pipe_ends[1]);
    got = read(pipe_ends[0], said, sizeof said - 1);
    assert_true(got > 0);
    said[got] = 0;
    (void)close(pipe_ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(said, "test_base.c"));
    assert_non_null(strstr(said, "1 + 1 == 3"));
    assert_non_null(strstr(said, "thread main"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(true_condition_passes),
        cmocka_unit_test(false_condition_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
