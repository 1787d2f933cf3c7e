#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/staleness.h"

#define MIN  INT64_C(60000)
#define HOUR (60 * MIN)
#define DAY  (24 * HOUR)
#define NOW  (20000 * DAY)

/* A log that is as it should be; rows say what is otherwise, in ages. */
static struct staleness_log good(void)
{
    return (struct staleness_log){.id = 1,
                                  .mmd_s = 86400,
                                  .begun_ms = NOW - 100 * DAY,
                                  .head_ms = NOW - MIN,
                                  .head_seen_ms = NOW - MIN,
                                  .head_size = 10,
                                  .served_size = 10,
                                  .heard_ms = NOW - MIN,
                                  .clean_ms = NOW - MIN};
}

static const struct {
    const char *what;
    int64_t mmd_s;
    int64_t head, seen, heard, clean; /* ages */
    int64_t watching;
    int64_t begun;
    uint64_t served;
    bool behind, error;
    enum staleness_rule rule;
    bool well;
} one_rows[] = {
    {"fine", 86400, MIN, MIN, MIN, MIN, DAY, 9 * DAY, 10, false, false, STALENESS_NONE, true},
    {"a day old", 86400, DAY - MIN, MIN, MIN, MIN, 9 * DAY, 9 * DAY, 10, false, false, STALENESS_NONE, true},
    {"older than a day", 86400, DAY + MIN, MIN, MIN, MIN, 9 * DAY, 9 * DAY, 10, false, false,
     STALENESS_HEAD_AGE, false},
    {"we have only just begun to watch, and see it", 86400, DAY + MIN, MIN, MIN, MIN, 0, 9 * DAY, 10, false,
     false, STALENESS_HEAD_AGE, false},
    {"a day, no delay said", 0, DAY - MIN, MIN, MIN, MIN, 9 * DAY, 9 * DAY, 10, false, false, STALENESS_NONE,
     true},
    {"a minute is promised, hours are allowed", 60, 4 * HOUR - MIN, MIN, MIN, MIN, DAY, DAY, 10, false, false,
     STALENESS_NONE, true},
    {"and no more", 60, 4 * HOUR + MIN, MIN, MIN, MIN, DAY, DAY, 10, false, false, STALENESS_HEAD_AGE, false},
    {"silent for long", 86400, 2 * DAY, 2 * DAY, DAY + MIN, 2 * DAY, 9 * DAY, 9 * DAY, 10, false, true,
     STALENESS_UNREACHABLE, false},
    {"silent for less", 86400, 2 * DAY, 2 * DAY, DAY - MIN, 2 * DAY, 9 * DAY, 9 * DAY, 10, false, true,
     STALENESS_NONE, false},
    {"silent, but nobody listened", 86400, 2 * DAY, 2 * DAY, 2 * DAY, 2 * DAY, HOUR, 9 * DAY, 10, false, true,
     STALENESS_NONE, false},
    {"silent, and nobody tried", 86400, 2 * DAY, 2 * DAY, 2 * DAY, 2 * DAY, 9 * DAY, 9 * DAY, 10, false,
     false, STALENESS_NONE, false},
    {"never heard of, new", 86400, NOW, NOW, NOW, NOW, 9 * DAY, HOUR, 10, false, true, STALENESS_NONE, false},
    {"never heard of, old", 86400, NOW, NOW, NOW, NOW, 9 * DAY, 2 * DAY, 10, false, true,
     STALENESS_UNREACHABLE, false},
    {"smaller for a while", 86400, HOUR, DAY - MIN, MIN, MIN, 9 * DAY, 9 * DAY, 9, false, false,
     STALENESS_NONE, false},
    {"smaller for long", 86400, HOUR, DAY + MIN, MIN, MIN, 9 * DAY, 9 * DAY, 9, false, false,
     STALENESS_SMALLER_HEAD, false},
    {"smaller when we come back", 86400, HOUR, DAY + MIN, MIN, MIN, MIN, 9 * DAY, 9, false, false,
     STALENESS_NONE, false},
    {"entries for a while", 86400, MIN, MIN, MIN, DAY - MIN, 9 * DAY, 9 * DAY, 10, true, true, STALENESS_NONE,
     false},
    {"entries for long", 86400, MIN, MIN, MIN, DAY + MIN, 9 * DAY, 9 * DAY, 10, true, true, STALENESS_ENTRIES,
     false},
    {"an error, and all is read", 86400, MIN, MIN, MIN, DAY + MIN, 9 * DAY, 9 * DAY, 10, false, true,
     STALENESS_NONE, true},
    {"behind without an error", 86400, MIN, MIN, MIN, MIN, 9 * DAY, 9 * DAY, 10, true, false, STALENESS_NONE,
     true},
    {"a head of the future is another matter", 86400, -DAY, MIN, MIN, MIN, DAY, DAY, 10, false, false,
     STALENESS_NONE, true},
    {"heard of in the future: our clock was set back", 86400, MIN, -DAY, -DAY, -DAY, 9 * DAY, 9 * DAY, 10,
     false, false, STALENESS_NONE, true},
};

static void one_log(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(one_rows); i++) {
        struct staleness_verdict verdict;
        struct staleness_log log = {
            .id = 1,
            .mmd_s = one_rows[i].mmd_s,
            .begun_ms = NOW - one_rows[i].begun,
            .head_ms = NOW - one_rows[i].head,
            .head_seen_ms = NOW - one_rows[i].seen,
            .heard_ms = NOW - one_rows[i].heard,
            .clean_ms = NOW - one_rows[i].clean,
            .head_size = 10,
            .served_size = one_rows[i].served,
            .behind = one_rows[i].behind,
            .error = one_rows[i].error,
        };
        if (staleness_judge(&log, 1, NOW, NOW - one_rows[i].watching, &verdict) != STALENESS_SELF_FINE)
            fail_msg("%s: it is us", one_rows[i].what);
        if (verdict.rule != one_rows[i].rule || verdict.well != one_rows[i].well)
            fail_msg("%s: %s %d", one_rows[i].what, staleness_rule_name(verdict.rule), verdict.well);
    }
}

/* What is the same with all logs is not the logs. */
static void all_at_once(void **state)
{
    static const struct {
        const char *what;
        int64_t head[3], heard[3]; /* ages; heard 0: a minute */
        int64_t watching;
        enum staleness_self self;
        unsigned stale; /* bits */
    } rows[] = {
        {"fine", {MIN, MIN, MIN}, {0}, DAY, STALENESS_SELF_FINE, 0},
        {"one is late", {2 * DAY, MIN, MIN}, {0}, DAY, STALENESS_SELF_FINE, 1},
        {"all but one are late", {2 * DAY, MIN, 2 * DAY}, {0}, DAY, STALENESS_SELF_FINE, 5},
        {"the clock jumped ahead", {2 * DAY, 2 * DAY + MIN, 2 * DAY}, {0}, DAY, STALENESS_SELF_AHEAD, 0},
        {"by an hour and a half", {90 * MIN, 95 * MIN, 2 * DAY}, {0}, DAY, STALENESS_SELF_AHEAD, 0},
        {"late, not too late", {90 * MIN, 95 * MIN, 90 * MIN}, {0}, DAY, STALENESS_SELF_FINE, 0},
        {"the clock was set back", {-DAY, -DAY, -DAY}, {0}, DAY, STALENESS_SELF_BEHIND, 0},
        {"one signs for the future", {-DAY, MIN, MIN}, {0}, DAY, STALENESS_SELF_FINE, 0},
        {"no network",
         {2 * DAY, 2 * DAY, 2 * DAY},
         {2 * DAY, 2 * DAY, 2 * DAY},
         9 * DAY,
         STALENESS_SELF_CUT_OFF,
         0},
        {"no network, for a while", {HOUR, HOUR, HOUR}, {HOUR, HOUR, HOUR}, 9 * DAY, STALENESS_SELF_FINE, 0},
        {"the program was off for days",
         {2 * DAY, 2 * DAY, 2 * DAY},
         {2 * DAY, 2 * DAY, 2 * DAY},
         0,
         STALENESS_SELF_FINE,
         0},
        {"two are silent", {2 * DAY, 2 * DAY, MIN}, {2 * DAY, 2 * DAY, 0}, 9 * DAY, STALENESS_SELF_FINE, 3},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct staleness_log logs[3];
        struct staleness_verdict verdicts[3];
        unsigned stale = 0;
        for (size_t k = 0; k < 3; k++) {
            logs[k] = good();
            logs[k].head_ms = NOW - rows[i].head[k];
            if (rows[i].heard[k] != 0) {
                logs[k].heard_ms = logs[k].clean_ms = NOW - rows[i].heard[k];
                logs[k].error = true;
            }
        }
        enum staleness_self self = staleness_judge(logs, 3, NOW, NOW - rows[i].watching, verdicts);
        for (size_t k = 0; k < 3; k++)
            stale |= (verdicts[k].rule != STALENESS_NONE ? 1u : 0u) << k;
        if (self != rows[i].self || stale != rows[i].stale)
            fail_msg("%s: %s %u", rows[i].what, staleness_self_name(self), stale);
        for (size_t k = 0; k < 3 && self != STALENESS_SELF_FINE; k++)
            assert_false(verdicts[k].well); /* nothing is over because of it either */
    }
    assert_int_equal(staleness_judge(NULL, 0, NOW, NOW, NULL), STALENESS_SELF_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_log),
        cmocka_unit_test(all_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
