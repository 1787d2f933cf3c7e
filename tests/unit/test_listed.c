#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/listed.h"

static void names_and_back(void **state)
{
    static const char *const rows[] = {"pending", "qualified", "usable", "readonly", "retired", "rejected"};
    enum listed_state found;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_true(listed_state_parse(rows[i], &found));
        assert_int_equal(found, i + 1);
        assert_string_equal(listed_state_name(found), rows[i]);
    }
    assert_string_equal(listed_state_name(LISTED_NONE), "");
    assert_false(listed_state_parse("", &found));
    assert_false(listed_state_parse("Usable", &found));
    assert_int_equal(found, LISTED_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_and_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
