#include "parser/nc.h"
#include "tests/unit/facade.h"

static unsigned seen;

/* Before the first and behind the last there is nothing to see. */
static void nothing_there(const struct ctvigil_constraint *ours)
{
    assert_int_equal(ctvigil_constraint_excluded(ours), 0);
    assert_int_equal(ctvigil_constraint_kind(ours), CTVIGIL_SAN_UNKNOWN);
    assert_true(facade_absent(ctvigil_constraint_value(ours)));
    assert_int_equal(ctvigil_constraint_bounded(ours), 0);
}

static void same_walk(const struct ctvigil_cert *cert, const struct cert *theirs)
{
    struct ctvigil_constraint ours;
    struct nc walk;
    struct nc_item item;

    nc_init(&walk, theirs->name_constraints);
    memset(&ours, 0xa5, sizeof ours);
    ctvigil_constraint_begin(&ours, cert);
    nothing_there(&ours);
    for (; nc_next(&walk, &item); seen++) {
        assert_true(ctvigil_constraint_next(&ours));
        assert_int_equal(ctvigil_constraint_excluded(&ours), item.side == NC_EXCLUDED);
        assert_int_equal(ctvigil_constraint_kind(&ours), (int)item.base.kind);
        assert_true(facade_same(ctvigil_constraint_value(&ours), item.base.value));
        assert_int_equal(ctvigil_constraint_bounded(&ours), item.bounded);
    }
    for (int again = 0; again < 2; again++) {
        assert_false(ctvigil_constraint_next(&ours));
        nothing_there(&ours);
    }
    assert_int_equal(ctvigil_constraint_damaged(&ours), walk.damaged);
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
