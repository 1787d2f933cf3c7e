#include "parser/certpol.h"
#include "tests/unit/facade.h"

static unsigned seen;

/* Before the first and behind the last there is nothing to see. */
static void nothing_there(const struct ctvigil_policy *ours)
{
    assert_true(facade_absent(ctvigil_policy_oid(ours)));
    assert_true(facade_absent(ctvigil_policy_cps(ours)));
    assert_true(facade_absent(ctvigil_policy_qualifiers(ours)));
}

static void same_walk(const struct ctvigil_cert *cert, const struct cert *theirs)
{
    struct ctvigil_policy ours;
    struct certpol walk;
    struct certpol_item item;

    certpol_init(&walk, theirs->policies);
    memset(&ours, 0xa5, sizeof ours);
    ctvigil_policy_begin(&ours, cert);
    nothing_there(&ours);
    for (; certpol_next(&walk, &item); seen++) {
        assert_true(ctvigil_policy_next(&ours));
        assert_true(facade_same(ctvigil_policy_oid(&ours), item.oid));
        assert_true(facade_same(ctvigil_policy_cps(&ours), item.cps));
        assert_true(facade_same(ctvigil_policy_qualifiers(&ours), item.qualifiers));
    }
    for (int again = 0; again < 2; again++) {
        assert_false(ctvigil_policy_next(&ours));
        nothing_there(&ours);
    }
    assert_int_equal(ctvigil_policy_damaged(&ours), walk.damaged);
}

static void test_same_walk(void **state)
{
    (void)state;
    facade_each(same_walk);
    assert_true(seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_walk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
