#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/logcheck.h"
#include "cli/logtable.h"

#define DAY INT64_C(86400000)
#define NOW (20000 * DAY)

static void durations(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {-1, "-"},     {0, "0 s"},       {119, "119 s"},     {120, "2 min"},         {7199, "119 min"},
        {7200, "2 h"}, {172799, "47 h"}, {172800, "2 days"}, {63071999, "729 days"}, {63072000, "2 years"},
    };
    char text[24];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_string_equal(logtable_duration(rows[i].seconds, text), rows[i].text);
}

static void eta(void **state)
{
    static const struct {
        uint64_t backlog;
        bool has_rate;
        double rate, growth;
        int64_t seconds;
    } rows[] = {
        {0, false, 0, 0, 0},     {1000, false, 0, 0, -1},   {1000, true, 10, 0, 100},
        {5, true, 0.01, 0, 60},  {5, true, 0.01, 0.02, 60}, {5, true, 0, 0, -1},
        {5, true, 10, 0, 0},     {1000, true, 20, 10, 100}, {1000, true, 10, 10, -1},
        {1000, true, 5, 10, -1},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_log_status log = {.backlog = rows[i].backlog,
                                    .head_time_ms = 1,
                                    .has_rate = rows[i].has_rate,
                                    .rate = rows[i].rate,
                                    .growth = rows[i].growth};
        assert_int_equal(logtable_eta_s(&log), rows[i].seconds);
    }
}

/* A good log of the list, and one thing that is otherwise. */
static struct db_log_status good(void)
{
    return (struct db_log_status){.state = "active",
                                  .list_state = "usable",
                                  .listed = true,
                                  .followed = true,
                                  .range_count = 1,
                                  .position = 10,
                                  .verified_size = 10,
                                  .head_size = 10,
                                  .due_size = 10,
                                  .head_time_ms = NOW - 1000,
                                  .head_seen_ms = NOW - 500,
                                  .served_size = 10};
}

static void states_and_attention(void **state)
{
    struct db_log_status log = good();

    (void)state;
    assert_string_equal(logtable_state(&log), "usable");
    assert_int_equal(logcheck_of(&log, NOW), 0);
    log.listed = false;
    log.list_state[0] = '\0';
    assert_string_equal(logtable_state(&log), "active");
    log = good();
    log.range_count = 0;
    assert_string_equal(logtable_state(&log), "waiting");
    log = good();
    log.left_ms = 5;
    assert_string_equal(logtable_state(&log), "leaving");
    log = good();
    log.head_time_ms = NOW - DAY - 1;
    assert_int_not_equal(logcheck_of(&log, NOW), 0);
    (void)snprintf(log.list_state, sizeof log.list_state, "readonly");
    (void)snprintf(log.last_error, sizeof log.last_error, "no such host");
    assert_int_equal(logcheck_of(&log, NOW), 0);
    log.backlog = 1;
    log.overdue = 1;
    assert_int_not_equal(logcheck_of(&log, NOW), 0);
    log = good();
    log.backlog = 1;
    log.overdue = 1;
    assert_int_not_equal(logcheck_of(&log, NOW), 0);
    log = good();
    log.verified_size = 9;
    log.entries = 0; /* begun now: there is nothing to be verified */
    assert_int_equal(logcheck_of(&log, NOW), 0);
    log.entries = 10;
    assert_int_not_equal(logcheck_of(&log, NOW), 0);
    log = good();
    (void)snprintf(log.last_error, sizeof log.last_error, "x");
    assert_int_not_equal(logcheck_of(&log, NOW), 0);
    /* Not followed: nobody has to do anything about it. */
    log.followed = false;
    (void)snprintf(log.unfollowed, sizeof log.unfollowed, "pending");
    assert_string_equal(logtable_state(&log), "pending");
    assert_int_equal(logcheck_of(&log, NOW), 0);
    (void)snprintf(log.ended, sizeof log.ended, "complete");
    assert_string_equal(logtable_state(&log), "complete");
    assert_int_equal(logcheck_of(&log, NOW), 0);
    (void)snprintf(log.ended, sizeof log.ended, "lost");
    assert_int_not_equal(logcheck_of(&log, NOW), 0);
    log = good();
    (void)snprintf(log.final_error, sizeof log.final_error, "x");
    assert_int_not_equal(logcheck_of(&log, NOW), 0);
    log = good();
    (void)snprintf(log.state, sizeof log.state, "inconsistent");
    assert_string_equal(logtable_state(&log), "inconsistent");
    assert_int_not_equal(logcheck_of(&log, NOW), 0);
}

/* What is odd about signed heads asks for attention. */
static void heads(void **state)
{
    static const struct {
        int64_t time_ms, seen_ms, mmd_s;
        uint64_t served, unproven;
        bool future, stale;
    } rows[] = {
        {NOW, NOW, 0, 10, 0, false, false},
        {NOW + 299000, NOW, 0, 10, 0, false, false}, /* clocks differ */
        {NOW + 301000, NOW, 0, 10, 0, true, true},
        {INT64_MAX, NOW, 0, 10, 0, true, true},
        {NOW, NOW, 0, 10, 1, false, true},
        {NOW, NOW - DAY + 1, 0, 9, 0, false, false}, /* a frontend that lags */
        {NOW, NOW - DAY - 1, 0, 9, 0, false, true},
        {NOW, NOW - 14401000, 60, 9, 0, false, true},
        {NOW - 14401000, NOW, 60, 10, 0, false, true},
        {NOW - 14399000, NOW, 60, 10, 0, false, false},
        {NOW, NOW - 14399000, 60, 9, 0, false, false}, /* out for maintenance */
        {NOW, NOW - 2 * DAY, 0, 10, 0, false, false},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_log_status log = good();
        log.head_time_ms = rows[i].time_ms;
        log.head_seen_ms = rows[i].seen_ms;
        log.mmd_s = rows[i].mmd_s;
        log.served_size = rows[i].served;
        log.unproven = rows[i].unproven;
        assert_int_equal(logtable_in_future(&log, NOW), rows[i].future);
        assert_int_equal(logcheck_of(&log, NOW) != 0, rows[i].stale);
    }
}

/* A time that RFC 3339 can not say is null, and the signed number stands beside it. */
static void a_time_beyond_all_times(void **state)
{
    struct db_log_status log = good();
    json_t *object;

    (void)state;
    log.head_time_ms = INT64_MAX;
    object = logtable_json(&log, &(struct logtable_more){.parts.count = 0});
    assert_true(json_is_null(json_object_get(object, "head_time")));
    assert_int_equal(json_integer_value(json_object_get(object, "head_timestamp_ms")), INT64_MAX);
    assert_true(json_is_true(json_object_get(object, "head_in_future")));
    json_decref(object);
}

static void the_age_of_the_list(void **state)
{
    static const struct {
        int64_t revision, made_ms, fetched_ms;
        bool refused, stale;
    } rows[] = {
        {0, 0, 0, false, false},
        {0, 0, 0, true, true},
        {1, NOW - 69 * DAY, NOW, false, false},
        {1, NOW - 71 * DAY, NOW, false, true},
        {1, NOW - DAY, NOW, true, true},
        {1, 0, NOW - 71 * DAY, false, true},
        {1, 0, NOW - 69 * DAY, false, false},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_loglist list = {.revision = rows[i].revision,
                                  .made_ms = rows[i].made_ms,
                                  .fetched_ms = rows[i].fetched_ms,
                                  .refused = rows[i].refused};
        assert_int_equal(logtable_list_stale(&list, NOW), rows[i].stale);
    }
}

static void json_keeps_its_members(void **state)
{
    static const char *const names[] = {
        "schema",       "name",       "protocol", "url",      "position",   "verified_size",
        "head_size",    "head_time",  "backlog",  "state",    "last_error", "last_contact",
        "entries",      "malformed",  "ranges",   "rate",     "eta_s",      "listed",
        "followed",     "unfollowed", "ended",    "operator", "list_state", "interval_begin",
        "interval_end", "left_at",    "mmd_s",    "coverage", "head_age_s",
    };
    struct db_log_status log = good();

    (void)state;
    json_t *object = logtable_json(&log, &(struct logtable_more){.parts.count = 0});
    for (size_t i = 0; i < countof(names); i++)
        if (json_object_get(object, names[i]) == NULL)
            fail_msg("%s", names[i]);
    assert_true(json_is_null(json_object_get(object, "operator")));
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(eta),
        cmocka_unit_test(states_and_attention),
        cmocka_unit_test(heads),
        cmocka_unit_test(a_time_beyond_all_times),
        cmocka_unit_test(the_age_of_the_list),
        cmocka_unit_test(json_keeps_its_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
