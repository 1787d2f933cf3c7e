/* Slips of the keyboard and what they stand for. */
#include "db/watchkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void distances(void **state)
{
    static const struct {
        const char *typed;
        const char *known;
        unsigned distance;
        bool near;
    } rows[] = {
        {"allow", "allow", 0, true},      {"alow", "allow", 1, true},
        {"allwo", "allow", 1, true},      {"wilcards", "wildcard", 2, true},
        {"max_day", "max_days", 1, true}, {"modus", "mode", 2, false},
        {"ip", "ips", 1, false},          {"", "ips", 3, false},
        {"owner", "orgs", 4, false},      {"keytypes", "key_types", 1, true},
        {"kesy", "keys", 1, true},        {"lookalike-allow", "lookalike_allow", 1, true},
    };
    static const char longer[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        unsigned distance = watchkey_distance(rows[i].typed, rows[i].known);
        if (distance != rows[i].distance || watchkey_near(rows[i].typed, distance) != rows[i].near)
            fail_msg("%s, %s: %u", rows[i].typed, rows[i].known, distance);
    }
    assert_int_equal(watchkey_distance(longer, "a"), 99);
    assert_int_equal(watchkey_distance("a", longer), 99);
    assert_false(watchkey_near(longer, 99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(distances)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
