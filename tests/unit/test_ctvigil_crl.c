#include "parser/crldp.h"
#include "tests/unit/facade.h"

static unsigned seen;

/* Before the first and behind the last there is nothing to see. */
static void nothing_there(const struct ctvigil_crl *ours)
{
    assert_int_equal(ctvigil_crl_point(ours), 0);
    assert_int_equal(ctvigil_crl_kind(ours), CTVIGIL_SAN_UNKNOWN);
    assert_true(facade_absent(ctvigil_crl_value(ours)));
    assert_true(facade_absent(ctvigil_crl_relative(ours)));
    assert_true(facade_absent(ctvigil_crl_reasons(ours)));
    assert_true(facade_absent(ctvigil_crl_issuer(ours)));
}

static void same_walk(const struct ctvigil_cert *cert, const struct cert *theirs)
{
    struct ctvigil_crl ours;
    struct crldp walk;
    struct crldp_item item;

    crldp_init(&walk, theirs->crl_points);
    memset(&ours, 0xa5, sizeof ours);
    ctvigil_crl_begin(&ours, cert);
    nothing_there(&ours);
    for (; crldp_next(&walk, &item); seen++) {
        assert_true(ctvigil_crl_next(&ours));
        assert_int_equal(ctvigil_crl_point(&ours), item.point);
        assert_int_equal(ctvigil_crl_kind(&ours), (int)item.name.kind);
        assert_true(facade_same(ctvigil_crl_value(&ours), item.name.value));
        assert_true(facade_same(ctvigil_crl_relative(&ours), item.relative));
        assert_true(facade_same(ctvigil_crl_reasons(&ours), item.reasons));
        assert_true(facade_same(ctvigil_crl_issuer(&ours), item.issuer));
    }
    for (int again = 0; again < 2; again++) {
        assert_false(ctvigil_crl_next(&ours));
        nothing_there(&ours);
    }
    assert_int_equal(ctvigil_crl_damaged(&ours), walk.damaged);
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
