#include "parser/ext.h"
#include "tests/unit/facade.h"

/* Before the first and behind the last there is nothing to see. */
static void nothing_there(const struct ctvigil_ext *ours)
{
    assert_true(facade_absent(ctvigil_ext_oid(ours)) && facade_absent(ctvigil_ext_value(ours)));
    assert_true(facade_absent(ctvigil_ext_whole(ours)) && !ctvigil_ext_critical(ours));
}

static void same_walk(const struct ctvigil_cert *cert, const struct cert *theirs)
{
    struct ctvigil_ext ours;
    struct finding_set ignored = {{0, 0}};
    struct ext walk;
    struct ext_item item;

    ext_init(&walk, theirs->exts, &ignored);
    memset(&ours, 0xa5, sizeof ours);
    ctvigil_ext_begin(&ours, cert);
    nothing_there(&ours);
    while (ext_next(&walk, &item)) {
        assert_true(ctvigil_ext_next(&ours));
        assert_true(facade_same(ctvigil_ext_oid(&ours), item.oid));
        assert_true(facade_same(ctvigil_ext_value(&ours), item.value));
        assert_true(facade_same(ctvigil_ext_whole(&ours), item.whole));
        assert_int_equal(ctvigil_ext_critical(&ours), item.critical);
    }
    for (int again = 0; again < 2; again++) {
        assert_false(ctvigil_ext_next(&ours));
        nothing_there(&ours);
    }
    assert_int_equal(ctvigil_ext_damaged(&ours), walk.damaged);
}

static void test_same_walk(void **state)
{
    (void)state;
    facade_each(same_walk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_walk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
