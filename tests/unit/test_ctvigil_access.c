#include "parser/access.h"
#include "tests/unit/facade.h"

static unsigned seen;

/* Before the first and behind the last there is nothing to see. */
static void nothing_there(const struct ctvigil_access *ours)
{
    assert_true(facade_absent(ctvigil_access_method(ours)));
    assert_int_equal(ctvigil_access_kind(ours), CTVIGIL_SAN_UNKNOWN);
    assert_true(facade_absent(ctvigil_access_value(ours)));
}

static void same_walk(const struct ctvigil_cert *cert, const struct cert *theirs)
{
    struct ctvigil_access ours;
    struct access walk;
    struct access_item item;

    access_init(&walk, theirs->aia);
    memset(&ours, 0xa5, sizeof ours);
    ctvigil_access_begin(&ours, cert);
    nothing_there(&ours);
    for (; access_next(&walk, &item); seen++) {
        assert_true(ctvigil_access_next(&ours));
        assert_true(facade_same(ctvigil_access_method(&ours), item.method));
        assert_int_equal(ctvigil_access_kind(&ours), (int)item.location.kind);
        assert_true(facade_same(ctvigil_access_value(&ours), item.location.value));
    }
    for (int again = 0; again < 2; again++) {
        assert_false(ctvigil_access_next(&ours));
        nothing_there(&ours);
    }
    assert_int_equal(ctvigil_access_damaged(&ours), walk.damaged);
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
