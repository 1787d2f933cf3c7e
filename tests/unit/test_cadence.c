/* What is learned from how certificates followed each other. */
#include "watcher/cadence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DAY INT64_C(86400)

struct row {
    const char *label;
    int at[12]; /* days on which one begins; -1 ends */
    int life;
    size_t renewals;
    int late;
    int early;
    int overdue; /* day of the life of the last one */
    int missing;
};

static const struct row rows[] = {
    {"none", {-1}, 90, 0, 0, 2000, 0, 0},
    {"two are no habit", {0, 60, -1}, 90, 2, 0, 2000, 0, 0},
    {"three are", {0, 60, 120, -1}, 90, 3, 666, 666, 64, 68},
    {"the latest counts", {0, 60, 130, 190, -1}, 90, 4, 777, 666, 74, 84},
    {"two at a time", {0, 1, 60, 61, 120, 121, -1}, 90, 3, 655, 11, 63, 67},
    {"an outage is no habit", {0, 60, 170, 230, -1}, 90, 4, 666, 666, 64, 64},
    {"always in the last moment", {0, 89, 178, 267, -1}, 90, 4, 970, 988, 88, 88},
    {"always too late", {0, 100, 200, 300, -1}, 90, 4, 970, 1111, 88, 88},
    {"six days", {0, 4, 8, 12, -1}, 6, 4, 666, 666, 4, 4},
    {"the old habit is forgotten",
     {0, 80, 140, 200, 260, 320, 380, 440, 500, 560, 620, -1},
     90,
     9,
     666,
     666,
     64,
     64},
    {"all on one day", {5, 5, 5, 5, -1}, 90, 1, 0, 2000, 0, 0},
};

static void learned(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct cadence_one ones[12];
        struct cadence cadence;
        size_t count = 0;
        for (; rows[i].at[count] >= 0; count++) {
            ones[count].not_before = rows[i].at[count] * DAY;
            ones[count].not_after = ones[count].not_before + rows[i].life * DAY - 1;
        }
        cadence_learn(ones, count, &cadence);
        if (cadence.renewals != rows[i].renewals || cadence.late != rows[i].late ||
            (cadence_known(&cadence) && i != 9 && cadence.early != rows[i].early))
            fail_msg("%s: %zu renewals, late %d, early %d", rows[i].label, cadence.renewals, cadence.late,
                     cadence.early);
        if (!cadence_known(&cadence))
            continue;
        int64_t overdue = (cadence_overdue(&cadence, &ones[count - 1]) - ones[count - 1].not_before) / DAY;
        if (overdue != rows[i].overdue)
            fail_msg("%s: overdue on day %d", rows[i].label, (int)overdue);
        int64_t missing = (cadence_missing(&cadence, &ones[count - 1]) - ones[count - 1].not_before) / DAY;
        if (missing != rows[i].missing)
            fail_msg("%s: missing from day %d", rows[i].label, (int)missing);
        assert_int_equal((cadence.life_s + DAY / 2) / DAY, rows[i].life);
    }
}

/* Whatever the numbers are, a certificate is not late before it begins, nor when it is over. */
static void odd_numbers(void **state)
{
    static const struct cadence_one odd[] = {
        {0, -5}, {0, 0}, {1, INT64_C(253402300799)}, {2, 1}, {900, 1000}};
    struct cadence cadence;
    (void)state;
    cadence_learn(odd, countof(odd), &cadence);
    for (size_t i = 0; i < countof(odd) && cadence_known(&cadence); i++) {
        if (odd[i].not_after <= odd[i].not_before)
            continue;
        assert_true(cadence_overdue(&cadence, &odd[i]) >= odd[i].not_before);
        assert_true(cadence_overdue(&cadence, &odd[i]) <= odd[i].not_after);
        assert_true(cadence_missing(&cadence, &odd[i]) >= cadence_overdue(&cadence, &odd[i]));
        assert_true(cadence_missing(&cadence, &odd[i]) <= odd[i].not_after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(learned), cmocka_unit_test(odd_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
