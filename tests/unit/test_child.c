#include "watcher/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static char script[] = "/tmp/ctvigil-child-XXXXXX";

static void write_script(const char *body)
{
    FILE *file = fopen(script, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", body);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(script, 0700), 0);
}

static enum err_code run(const char *body, int64_t timeout_ms, struct child_result *result)
{
    char *environment[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"WORD=hello"}, NULL};
    struct child_options options = {script, environment, timeout_ms, 200, NULL};
    write_script(body);
    return child_run(&options, result, NULL);
}

static void endings(void **state)
{
    static const struct {
        const char *body;
        int exit; /* -1: a signal */
        const char *said;
    } rows[] = {
        {"exit 0", 0, ""},
        {"exit 3", 3, ""},
        {"echo out; echo err >&2; exit 1", 1, "out\nerr\n"},
        {"echo $WORD", 0, "hello\n"},
        {"kill -9 $$", -1, ""},
        {"kill -TERM $$", -1, ""},
        {"exec 0<&- 1>&- 2>&-; exit 5", 5, ""},
        {"cat; echo end", 0, "end\n"},                      /* standard input is empty */
        {"test -z \"$HOME\"", 0, ""},                       /* nothing but what was given */
        {"ls /proc/self/fd | wc -l | tr -d ' '", 0, "4\n"}, /* 0, 1, 2 and the directory */
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct child_result result;
        assert_int_equal(run(rows[i].body, 10000, &result), ERR_OK);
        assert_false(result.timed_out);
        if (rows[i].exit < 0)
            assert_true(WIFSIGNALED(result.status));
        else
            assert_true(WIFEXITED(result.status) && WEXITSTATUS(result.status) == rows[i].exit);
        assert_string_equal(result.said, rows[i].said);
    }
}

/* The end of what it says is kept, however much it is. */
static void talkative(void **state)
{
    struct child_result result;
    (void)state;
    assert_int_equal(run("head -c 5000000 /dev/zero | tr '\\0' 'x'; echo; echo the end", 20000, &result),
                     ERR_OK);
    assert_int_equal(WEXITSTATUS(result.status), 0);
    assert_int_equal(result.said_len, CHILD_SAID_MAX);
    assert_non_null(strstr(result.said, "x\nthe end\n"));
    assert_int_equal(run("yes", 300, &result), ERR_OK);
    assert_true(result.timed_out);
}

/* Time is up for the program and for everything it has started, also when it does not want to go. */
static void hanging(void **state)
{
    struct child_result result;
    int64_t begin_ms = clock_mono_ms();
    char script_text[128];
    char command[128];
    int mine = (int)getpid(); /* this test may run elsewhere on the machine */
    (void)state;
    assert_int_equal(run("sleep 60", 200, &result), ERR_OK);
    assert_true(result.timed_out);
    (void)snprintf(script_text, sizeof script_text,
                   "trap '' TERM; sleep 61.%d & while :; do sleep 61.%d; done", mine, mine);
    assert_int_equal(run(script_text, 200, &result), ERR_OK);
    assert_true(result.timed_out && WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGKILL);
    assert_true(clock_mono_ms() - begin_ms < 30000);
    /* They were told, and end a moment later. */
    (void)snprintf(command, sizeof command, "pgrep -f '^sleep 61.%d$' >/dev/null", mine);
    int found = 0;
    while ((found = system(command)) == 0 && clock_mono_ms() - begin_ms < 50000)
        clock_sleep_ms(20);
    assert_int_not_equal(found, 0);
}

/* A grandchild that keeps our pipe open does not hold us. */
static void leaves_something_behind(void **state)
{
    struct child_result result;
    int64_t begin_ms = clock_mono_ms();
    (void)state;
    assert_int_equal(run("sleep 40 & exit 0", 60000, &result), ERR_OK);
    assert_int_equal(WEXITSTATUS(result.status), 0);
    assert_true(clock_mono_ms() - begin_ms < 30000);
}

static void stopped(void **state)
{
    atomic_bool stop = true;
    char *environment[] = {NULL};
    struct child_options options = {script, environment, 60000, 200, &stop};
    struct child_result result;
    int64_t begin_ms = clock_mono_ms();
    (void)state;
    write_script("exec /bin/sleep 60");
    assert_int_equal(child_run(&options, &result, NULL), ERR_OK);
    assert_true(result.timed_out);
    assert_true(clock_mono_ms() - begin_ms < 30000);
}

static void no_such_program(void **state)
{
    char *environment[] = {NULL};
    struct child_options options = {"/no/such/program", environment, 1000, 200, NULL};
    struct child_result result;
    struct err why = {0};
    (void)state;
    assert_int_equal(child_run(&options, &result, &why), ERR_SYSTEM);
    assert_non_null(strstr(why.text, "/no/such/program"));
}

static int make(void **state)
{
    int fd = mkstemp(script);
    (void)state;
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return unlink(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endings), cmocka_unit_test(talkative),
        cmocka_unit_test(hanging), cmocka_unit_test(leaves_something_behind),
        cmocka_unit_test(stopped), cmocka_unit_test(no_such_program),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
