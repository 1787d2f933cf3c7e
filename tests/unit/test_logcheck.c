/* What `log status --check` complains of, one thing at a time, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/logcheck.h"

#define DAY INT64_C(86400000)
#define NOW (20000 * DAY)

static struct db_log_status good(void)
{
    return (struct db_log_status){.name = "log",
                                  .state = "active",
                                  .list_state = "usable",
                                  .followed = true,
                                  .entries = 100,
                                  .position = 100,
                                  .verified_size = 100,
                                  .head_size = 100,
                                  .due_size = 100,
                                  .served_size = 100,
                                  .head_time_ms = NOW - 1000,
                                  .head_seen_ms = NOW - 500};
}

/* A log that grows: what its newest heads promise is not due yet. */
static void what_is_due(void **state)
{
    static const struct {
        const char *what;
        uint64_t position, verified, due, overdue;
        unsigned reasons;
    } rows[] = {
        {"all is done", 100, 100, 100, 0, 0},
        {"not all of the newest head is read", 80, 80, 80, 0, 0},
        {"read, and the older head is verified", 100, 90, 90, 0, 0},
        {"nothing is known for long", 50, 0, 0, 0, 0},
        {"an old head is not read", 80, 80, 90, 10, LOGCHECK_BEHIND},
        {"nor is it verified", 80, 70, 90, 10, LOGCHECK_BEHIND | LOGCHECK_UNVERIFIED},
        {"read and not verified", 100, 80, 90, 0, LOGCHECK_UNVERIFIED},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_log_status row = good();
        row.position = rows[i].position;
        row.verified_size = rows[i].verified;
        row.due_size = rows[i].due;
        row.overdue = rows[i].overdue;
        row.backlog = 100 - rows[i].position;
        if (logcheck_of(&row, NOW) != rows[i].reasons)
            fail_msg("%s: %x", rows[i].what, logcheck_of(&row, NOW));
    }
}

/* A log that grows no more may be gone for good, but not before it was ever read. */
static void frozen_logs_are_read_too(void **state)
{
    struct db_log_status row = good();

    (void)state;
    (void)snprintf(row.list_state, sizeof row.list_state, "retired");
    (void)snprintf(row.last_error, sizeof row.last_error, "no host");
    row.head_time_ms = NOW - 900 * DAY;
    assert_int_equal(logcheck_of(&row, NOW), 0);
    row.head_time_ms = 0;
    assert_int_equal(logcheck_of(&row, NOW), LOGCHECK_ERROR);
    row.last_error[0] = '\0';
    assert_int_equal(logcheck_of(&row, NOW), LOGCHECK_NEVER);
    (void)snprintf(row.ended, sizeof row.ended, "lost");
    assert_int_equal(logcheck_of(&row, NOW), LOGCHECK_LOST);
}

static void each_has_a_line(void **state)
{
    static const char *const words[] = {"contradicted", "gone",       "final tree",  "not read",
                                        "verified to",  "proven",     "clock",       "showed 100",
                                        "never showed", "head is of", "no\\x0ahost", "disk"};
    struct db_log_status row = good();
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    size_t lines = 0;

    (void)state;
    assert_non_null(out);
    (void)snprintf(row.last_error, sizeof row.last_error, "no\nhost");
    logcheck_tell(out, &row, 0);
    (void)fflush(out);
    assert_int_equal(len, 0);
    logcheck_tell(out, &row, 0xfff);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < countof(words); i++)
        if (strstr(text, words[i]) == NULL)
            fail_msg("%s is not in: %s", words[i], text);
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, countof(words));
    assert_true(strncmp(text, "ctvigil: log log: ", 18) == 0);
    free(text);
}

/* A try that failed says what to do, behind what the log said. */
static void error_says_what_to_do(void **state)
{
    struct db_log_status row = good();
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    (void)snprintf(row.last_error, sizeof row.last_error, "HTTP 500");
    logcheck_tell(out, &row, LOGCHECK_ERROR);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(
        text, "ctvigil: log log: the last try failed: HTTP 500; it is tried again by itself: when that "
              "stays, see that its URL is right and reached from this machine\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_due), cmocka_unit_test(frozen_logs_are_read_too),
        cmocka_unit_test(each_has_a_line), cmocka_unit_test(error_says_what_to_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
