#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/verdict.h"

static void names_are_told_apart(void **state)
{
    (void)state;
    for (int i = 0; i < VERDICT_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(verdict_name((enum verdict)i), verdict_name((enum verdict)k));
    for (int i = 0; i < VERDICT_WHY_COUNT; i++) {
        assert_true(strlen(verdict_why_sentence((enum verdict_why)i)) > 10);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(verdict_why_name((enum verdict_why)i),
                                    verdict_why_name((enum verdict_why)k));
    }
    assert_string_equal(verdict_flag_name(VERDICT_BLOCKED_KEY), "blocked_key");
    assert_string_equal(verdict_flag_name(VERDICT_BACKDATED), "backdated");
    assert_string_equal(verdict_flag_name(VERDICT_CUT_OFF), "cut_off");
    assert_string_equal(verdict_name(VERDICT_TRUSTED_IF_SCT), "trusted_if_sct");
}

static void stores_have_two_spellings(void **state)
{
    (void)state;
    for (int i = 0; i < VERDICT_STORES; i++) {
        enum verdict_store store = VERDICT_STORES;
        assert_true(verdict_store_of(verdict_store_name((enum verdict_store)i), &store));
        assert_int_equal(store, i);
        assert_true(verdict_store_of(verdict_store_title((enum verdict_store)i), &store));
        assert_int_equal(store, i);
    }
    enum verdict_store none;
    assert_false(verdict_store_of("android", &none));
    assert_false(verdict_store_of("", &none));
}

static void nothing_known_is_not_good(void **state)
{
    (void)state;
    struct verdict_all all = {.flags = 0};
    assert_int_equal(verdict_good_count(&all), 0);
    assert_true(verdict_any_unknown(&all));
    all.store[VERDICT_APPLE].verdict = VERDICT_TRUSTED;
    all.store[VERDICT_CHROME].verdict = VERDICT_TRUSTED_IF_SCT;
    all.store[VERDICT_MOZILLA].verdict = VERDICT_RETIRED;
    assert_int_equal(verdict_good_count(&all), 2);
    assert_true(verdict_any_unknown(&all));
    all.store[VERDICT_MICROSOFT].verdict = VERDICT_DISTRUSTED;
    assert_false(verdict_any_unknown(&all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_told_apart),
                                       cmocka_unit_test(stores_have_two_spellings),
                                       cmocka_unit_test(nothing_known_is_not_good)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
