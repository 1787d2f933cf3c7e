#include "parser/eku.h"
#include "tests/unit/facade.h"

static unsigned seen;

/* Before the first and behind the last there is nothing to see. */
static void nothing_there(const struct ctvigil_eku *ours)
{
    assert_true(facade_absent(ctvigil_eku_oid(ours)));
}

static void same_walk(const struct ctvigil_cert *cert, const struct cert *theirs)
{
    struct ctvigil_eku ours;
    struct eku walk;
    struct span item;

    eku_init(&walk, theirs->eku);
    memset(&ours, 0xa5, sizeof ours);
    ctvigil_eku_begin(&ours, cert);
    nothing_there(&ours);
    for (; eku_next(&walk, &item); seen++) {
        assert_true(ctvigil_eku_next(&ours));
        assert_true(facade_same(ctvigil_eku_oid(&ours), item));
    }
    for (int again = 0; again < 2; again++) {
        assert_false(ctvigil_eku_next(&ours));
        nothing_there(&ours);
    }
    assert_int_equal(ctvigil_eku_damaged(&ours), walk.damaged);
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
