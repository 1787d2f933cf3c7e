#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/alert.h"

static void every_kind_is_described(void **state)
{
    (void)state;
    for (int kind = 0; kind < ALERT_KIND_COUNT; kind++) {
        const char *name = alert_kind_name((enum alert_kind)kind);
        assert_true(strlen(name) > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name));
        assert_true(strlen(alert_kind_sentence((enum alert_kind)kind)) > 0);
    }
    assert_string_equal(alert_kind_name(ALERT_KIND_UNEXPECTED_CA), "unexpected_ca");
    assert_int_equal(alert_kind_severity(ALERT_KIND_UNEXPECTED_CA), ALERT_HIGH);
    assert_int_equal(alert_kind_severity(ALERT_KIND_OVER_LONG_VALIDITY), ALERT_LOW);
    assert_int_equal(alert_kind_severity(ALERT_KIND_LOG_INCONSISTENT), ALERT_CRITICAL);
    assert_string_equal(alert_severity_name(ALERT_INFO), "info");
    assert_string_equal(alert_severity_name(ALERT_CRITICAL), "critical");
}

static void the_gravest_decides_and_the_first_of_equals(void **state)
{
    struct alert alert = {.finding_count = 3};
    (void)state;
    alert.findings[0].severity = ALERT_LOW;
    alert.findings[1].severity = ALERT_HIGH;
    alert.findings[2].severity = ALERT_HIGH;
    assert_ptr_equal(alert_gravest(&alert), &alert.findings[1]);
    alert.finding_count = 1;
    assert_ptr_equal(alert_gravest(&alert), &alert.findings[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_described),
        cmocka_unit_test(the_gravest_decides_and_the_first_of_equals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
