#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/finding.h"

static void every_finding_is_described(void **state)
{
    (void)state;
    for (int i = 0; i < FINDING_COUNT; i++) {
        enum finding finding = (enum finding)i;
        const char *name = finding_name(finding);
        assert_true(strlen(name) > 0 &&
                    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name));
        assert_true(strlen(finding_rule(finding)) > 0);
        assert_true(strlen(finding_sentence(finding)) > 0);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(name, finding_name((enum finding)k));
    }
    assert_string_equal(finding_name(FINDING_SAN_IP_TEXT), "san_ip_text");
    assert_string_equal(finding_rule(FINDING_SAN_IP_TEXT), "BR 7.1.2.7.12");
}

/* The number is stored in databases: rows move never. */
static void numbers_stand(void **state)
{
    (void)state;
    assert_int_equal(FINDING_DER_LENGTH_NOT_MINIMAL, 0);
    assert_int_equal(FINDING_CERTIFICATE_UNREADABLE, 4);
    assert_int_equal(FINDING_SAN_UNREADABLE, 22);
    assert_int_equal(FINDING_LEAF_VERSION, 35);
    assert_int_equal(FINDING_NAMES_TRUNCATED, 44);
    assert_int_equal(FINDING_ENTRY_STUCK, 46);
    assert_int_equal(FINDING_RSA_NULL_MISSING, 47);
    assert_int_equal(FINDING_SAN_CRITICAL, 66);
    assert_int_equal(FINDING_SCT_IN_PRECERT, 91);
    assert_int_equal(FINDING_DER_TAG_LONG, 92);
    assert_int_equal(FINDING_FINGERPRINT_WHOLE, 93);
}

static void sets(void **state)
{
    struct finding_set set = {{0, 0}}, more = {{0, 0}};
    (void)state;
    assert_true(finding_none(&set));
    for (int i = 0; i < FINDING_COUNT; i++) {
        struct finding_set one = {{0, 0}};
        finding_add(&one, (enum finding)i);
        for (int k = 0; k < FINDING_COUNT; k++)
            assert_int_equal(finding_has(&one, (enum finding)k), i == k);
        assert_int_equal(finding_any_broken(&one), finding_severity((enum finding)i) == FINDING_BROKEN);
    }
    finding_add(&set, FINDING_SERIAL_ZERO);
    finding_add(&more, FINDING_SAN_UNREADABLE);
    assert_false(finding_any_broken(&set));
    finding_merge(&set, &more);
    assert_true(finding_any_broken(&set));
    assert_true(finding_has(&set, FINDING_SERIAL_ZERO) && finding_has(&set, FINDING_SAN_UNREADABLE));
    assert_false(finding_none(&set));
}

/* What loses names must also be called broken, or nobody keeps the bytes. */
static void lost_names(void **state)
{
    struct finding_set set = {{0, 0}};
    (void)state;
    assert_false(finding_names_lost(&set));
    for (int i = 0; i < FINDING_COUNT; i++) {
        struct finding_set one = {{0, 0}};
        finding_add(&one, (enum finding)i);
        assert_true(!finding_names_lost(&one) || finding_any_broken(&one));
        finding_merge(&set, &one);
    }
    assert_true(finding_names_lost(&set));
    set = (struct finding_set){{0, 0}};
    finding_add(&set, FINDING_EXTENSION_UNREADABLE);
    finding_add(&set, FINDING_TIME_UNREADABLE);
    assert_false(finding_names_lost(&set));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_finding_is_described),
        cmocka_unit_test(numbers_stand),
        cmocka_unit_test(sets),
        cmocka_unit_test(lost_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
