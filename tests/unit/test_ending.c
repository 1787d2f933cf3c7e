#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/ending.h"

#define HOUR INT64_C(3600000)
#define NOW  (1000 * HOUR)

static void by_state_and_position(void **state)
{
    static const struct {
        const char *what, *list_state;
        bool listed, has_final;
        uint64_t final_size, position, verified, head, entries;
        int64_t left_h, contact_h; /* hours before now; 0: not */
        enum ending ending;
    } rows[] = {
        {"in use", "usable", true, false, 0, 10, 10, 10, 10, 0, 1, ENDING_NOT},
        {"in use, silent for weeks", "usable", true, false, 0, 5, 5, 10, 5, 0, 500, ENDING_NOT},
        {"added by hand", "retired", false, false, 0, 5, 5, 10, 5, 0, 500, ENDING_NOT},
        {"readonly, behind", "readonly", true, true, 10, 9, 9, 10, 9, 0, 1, ENDING_NOT},
        {"readonly, not verified", "readonly", true, true, 10, 10, 9, 10, 10, 0, 1, ENDING_NOT},
        {"readonly, read", "readonly", true, true, 10, 10, 10, 10, 10, 0, 1, ENDING_PROVE},
        {"readonly, serves two more", "readonly", true, true, 10, 12, 12, 12, 12, 0, 1, ENDING_PROVE},
        {"readonly, the two more are not read", "readonly", true, true, 10, 11, 11, 12, 11, 0, 1, ENDING_NOT},
        {"readonly, serves less than it should", "readonly", true, true, 10, 8, 8, 8, 8, 0, 1, ENDING_NOT},
        {"readonly, joined at its end", "readonly", true, true, 10, 10, 0, 10, 0, 0, 1, ENDING_DONE},
        {"readonly, no final head", "readonly", true, false, 0, 10, 10, 10, 10, 0, 1, ENDING_NOT},
        {"readonly, silent, behind", "readonly", true, true, 10, 8, 8, 10, 8, 0, 80, ENDING_LOST},
        {"retired, answers", "retired", true, false, 0, 10, 10, 10, 10, 0, 71, ENDING_NOT},
        {"retired, silent", "retired", true, false, 0, 10, 10, 10, 10, 0, 73, ENDING_DONE},
        {"retired, silent, behind", "retired", true, false, 0, 9, 9, 10, 9, 0, 73, ENDING_LOST},
        {"left, heard of since", "usable", true, false, 0, 10, 10, 10, 10, 5, 4, ENDING_DONE},
        {"left, not heard of since", "usable", true, false, 0, 10, 10, 10, 10, 5, 6, ENDING_NOT},
        {"left, behind", "usable", true, false, 0, 9, 9, 10, 9, 5, 4, ENDING_NOT},
        {"left, not verified", "usable", true, false, 0, 10, 9, 10, 10, 5, 4, ENDING_NOT},
        {"left, silent, behind", "usable", true, false, 0, 9, 9, 10, 9, 80, 90, ENDING_LOST},
        {"left an hour ago, silent for long", "usable", true, false, 0, 9, 9, 10, 9, 1, 90, ENDING_NOT},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_log_status log = {.listed = rows[i].listed,
                                    .followed = true,
                                    .has_final = rows[i].has_final,
                                    .final_size = rows[i].final_size,
                                    .position = rows[i].position,
                                    .verified_size = rows[i].verified,
                                    .head_size = rows[i].head,
                                    .head_time_ms = NOW - HOUR,
                                    .entries = rows[i].entries,
                                    .range_count = 1,
                                    .added_ms = HOUR,
                                    .left_ms = rows[i].left_h == 0 ? 0 : NOW - rows[i].left_h * HOUR,
                                    .last_contact_ms = NOW - rows[i].contact_h * HOUR};
        (void)snprintf(log.list_state, sizeof log.list_state, "%s", rows[i].list_state);
        if (ending_of(&log, NOW) != rows[i].ending)
            fail_msg("%s: %d", rows[i].what, ending_of(&log, NOW));
        /* What was not stored is read again, unless nobody answers any more. */
        bool silent = rows[i].left_h > 72 || (rows[i].left_h == 0 && rows[i].contact_h > 72);
        log.not_stored = 1;
        if (!silent)
            assert_int_equal(ending_of(&log, NOW), ENDING_NOT);
        else if (ending_of(&log, NOW) != rows[i].ending)
            fail_msg("%s, not all stored: %d", rows[i].what, ending_of(&log, NOW));
        log.followed = false;
        assert_int_equal(ending_of(&log, NOW), ENDING_NOT);
    }
    /* One that never answered is not lost: nothing of it was promised. */
    struct db_log_status never = {
        .listed = true, .followed = true, .list_state = "retired", .added_ms = NOW - 71 * HOUR};
    assert_int_equal(ending_of(&never, NOW), ENDING_NOT);
    assert_int_equal(ending_of(&never, NOW + 2 * HOUR), ENDING_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_state_and_position)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
