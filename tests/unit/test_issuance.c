#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/cert.h"
#include "model/issuance.h"

static void validity_is_inclusive(void **state)
{
    struct issuance issuance = {.not_before = 1000, .not_after = 1000};
    (void)state;
    assert_int_equal(issuance_validity_s(&issuance), 1);
    issuance.not_after = 1000 + 90 * 86400 - 1;
    assert_int_equal(issuance_validity_s(&issuance), 90 * 86400);
    issuance.not_after = 0;
    assert_int_equal(issuance_validity_s(&issuance), -999);
    issuance.not_before = CERT_TIME_MIN;
    issuance.not_after = CERT_TIME_MAX;
    assert_int_equal(issuance_validity_s(&issuance), CERT_TIME_MAX - CERT_TIME_MIN + 1);
}

static void one_placeholder_is_enough(void **state)
{
    struct name names[3] = {{.flags = NAME_WILDCARD}, {.flags = NAME_FROM_CN}, {.flags = NAME_READING}};
    struct issuance issuance = {.names = names, .name_count = 3};
    (void)state;
    assert_false(issuance_has_placeholder(&issuance));
    names[2].flags |= NAME_PLACEHOLDER;
    assert_true(issuance_has_placeholder(&issuance));
    issuance.name_count = 2;
    assert_false(issuance_has_placeholder(&issuance));
    issuance = (struct issuance){.names = NULL};
    assert_false(issuance_has_placeholder(&issuance));
}

static void forms(void **state)
{
    (void)state;
    assert_string_equal(issuance_form_name(ISSUANCE_FINAL), "final");
    assert_string_equal(issuance_form_name(ISSUANCE_PRECERT), "precert");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity_is_inclusive),
        cmocka_unit_test(one_placeholder_is_enough),
        cmocka_unit_test(forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
