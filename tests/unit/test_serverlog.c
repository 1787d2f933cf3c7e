#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "db/serverlog.h"

#define AT "2026-11-21 16:13:45.228 UTC [30925] "

static void the_gravest_thing_is_picked(void **state)
{
    static const struct {
        const char *log, *said;
    } rows[] = {
        {"", ""},
        {"\n\n", ""},
        {AT "LOG:  starting PostgreSQL 15\n" AT "LOG:  database system is shut down\n",
         "database system is shut down"},
        {AT "LOG:  redo done\n" AT "PANIC:  could not write to file \"pg_wal/xlogtemp.9\": No space left on "
            "device\n" AT "LOG:  startup process (PID 9) was terminated by signal 6: Aborted\n" AT
            "LOG:  aborting startup due to startup process failure\n",
         "PANIC: could not write to file \"pg_wal/xlogtemp.9\": No space left on device"},
        /* Answers to those who ask too early are no reason. */
        {AT "FATAL:  the database system is starting up\n" AT
            "FATAL:  the database system is not yet accepting "
            "connections\n" AT "FATAL:  could not open directory \"pg_wal\": Permission denied\n",
         "FATAL: could not open directory \"pg_wal\": Permission denied"},
        {AT "FATAL:  terminating connection due to administrator command\n" AT "PANIC:  out of it\n",
         "PANIC: out of it"},
        {AT "FATAL:  the database system is starting up\n", AT "FATAL: the database system is starting up"},
        /* The verdict about a configuration names a file, and what is wrong in it stands before. */
        {AT
         "LOG:  skipping missing configuration file \"/x/local.conf\"\n" AT
         "LOG:  unrecognized configuration parameter \"shared_bufers\" in file \"/x/local.conf\" line 1\n" AT
         "FATAL:  configuration file \"/x/local.conf\" contains errors\n",
         "unrecognized configuration parameter \"shared_bufers\" in file \"/x/local.conf\" line 1; FATAL: "
         "configuration file \"/x/local.conf\" contains errors"},
        {AT "LOG:  starting PostgreSQL 15\n" AT "FATAL:  could not access file \"nolib\"\n",
         "FATAL: could not access file \"nolib\""},
        /* Before it has a log: no severity, several lines. */
        {"postgres: could not find the database system\nExpected to find it in the directory "
         "\"/x/data\",\nbut "
         "could not open file \"/x/data/global/pg_control\": No such file or directory\n",
         "postgres: could not find the database system; Expected to find it in the directory \"/x/data\",; "
         "but "
         "could not open file \"/x/data/global/pg_control\": No such file or directory"},
        {AT "LOG:  cut off", "cut off"},
        {"\x1b[31mno severity\n", "\x1b[31mno severity"}, /* made visible by whoever shows it (err_set) */
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        char out[256];
        serverlog_pick(span_str(rows[i].log), out, sizeof out);
        assert_string_equal(out, rows[i].said);
        /* Never beyond its room, whatever the room. */
        for (size_t cap = 1; cap < sizeof out; cap++) {
            memset(out, 'x', sizeof out);
            serverlog_pick(span_str(rows[i].log), out, cap);
            assert_true(strnlen(out, sizeof out) < cap);
            assert_true(out[cap] == 'x');
        }
    }
}

static void only_what_came_after_the_start_counts(void **state)
{
    char path[] = "/tmp/ctvigil-serverlog-XXXXXX";
    char out[256];
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    dprintf(fd, AT "PANIC:  of yesterday\n");
    int64_t from = serverlog_size(path);
    serverlog_why(path, from, out, sizeof out);
    assert_null(strstr(out, "yesterday"));
    dprintf(fd, AT "PANIC:  of today\n");
    serverlog_why(path, from, out, sizeof out);
    assert_memory_equal(out, "PANIC: of today", 15);
    /* Shortened meanwhile. */
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    dprintf(fd, "PANIC:  short\n");
    serverlog_why(path, from, out, sizeof out);
    assert_memory_equal(out, "PANIC: short", 12);
    /* Of a long one the end. */
    for (int i = 0; i < 2000; i++)
        dprintf(fd, AT "LOG:  line %d\n", i);
    serverlog_why(path, 0, out, sizeof out);
    assert_memory_equal(out, "line 1999", 9);
    (void)close(fd);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(serverlog_size(path), 0);
    serverlog_why(path, 0, out, sizeof out);
    assert_string_equal(out, "");
    /* A link is somebody's trick: the log lies in a folder of an unprivileged user. */
    assert_int_equal(symlink("/etc/passwd", path), 0);
    serverlog_why(path, 0, out, sizeof out);
    assert_string_equal(out, "");
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gravest_thing_is_picked),
        cmocka_unit_test(only_what_came_after_the_start_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
