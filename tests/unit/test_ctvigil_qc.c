#include "parser/ext.h"
#include "parser/qc.h"
#include "tests/unit/facade.h"

static unsigned seen;

/* Before the first and behind the last there is nothing to see. */
static void nothing_there(const struct ctvigil_qc *ours)
{
    assert_true(facade_absent(ctvigil_qc_oid(ours)));
    assert_true(facade_absent(ctvigil_qc_info(ours)));
}

static void same_walk(const struct ctvigil_cert *cert, const struct cert *theirs)
{
    struct ctvigil_qc ours;
    struct qc walk;
    struct qc_item item;
    struct ext_item ext = {.value = SPAN_NONE};

    (void)ext_find(theirs, OID_EXT_QC_STATEMENTS, &ext);
    qc_init(&walk, ext.value);
    memset(&ours, 0xa5, sizeof ours);
    ctvigil_qc_begin(&ours, cert);
    nothing_there(&ours);
    for (; qc_next(&walk, &item); seen++) {
        assert_true(ctvigil_qc_next(&ours));
        assert_true(facade_same(ctvigil_qc_oid(&ours), item.oid));
        assert_true(facade_same(ctvigil_qc_info(&ours), item.info));
    }
    for (int again = 0; again < 2; again++) {
        assert_false(ctvigil_qc_next(&ours));
        nothing_there(&ours);
    }
    assert_int_equal(ctvigil_qc_damaged(&ours), walk.damaged);
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
