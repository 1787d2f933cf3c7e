#include "parser/sctlist.h"
#include "tests/unit/facade.h"

/* Before the first and behind the last there is nothing to see. */
static void nothing_there(const struct ctvigil_sct *ours)
{
    assert_true(facade_absent(ctvigil_sct_whole(ours)) && facade_absent(ctvigil_sct_log_id(ours)));
    assert_true(!ctvigil_sct_readable(ours) && ctvigil_sct_leaf_index(ours) == -1);
}

static void same_walk(const struct ctvigil_cert *cert, const struct cert *theirs)
{
    struct ctvigil_sct ours;
    struct sctlist walk;
    struct sctlist_item item;

    sctlist_of(&walk, theirs);
    memset(&ours, 0xa5, sizeof ours);
    ctvigil_sct_begin(&ours, cert);
    nothing_there(&ours);
    while (sctlist_next(&walk, &item)) {
        assert_true(ctvigil_sct_next(&ours));
        assert_true(facade_same(ctvigil_sct_whole(&ours), item.whole));
        assert_int_equal(ctvigil_sct_version(&ours), item.version);
        assert_int_equal(ctvigil_sct_readable(&ours), item.readable);
        assert_true(facade_same(ctvigil_sct_log_id(&ours), item.log_id));
        assert_true(ctvigil_sct_timestamp_ms(&ours) == item.timestamp_ms);
        assert_true(facade_same(ctvigil_sct_extensions(&ours), item.extensions));
        assert_true(ctvigil_sct_leaf_index(&ours) == item.leaf_index);
        assert_int_equal(ctvigil_sct_hash_alg(&ours), item.hash_alg);
        assert_int_equal(ctvigil_sct_sig_alg(&ours), item.sig_alg);
        assert_true(facade_same(ctvigil_sct_signature(&ours), item.signature));
    }
    for (int again = 0; again < 2; again++) {
        assert_false(ctvigil_sct_next(&ours));
        nothing_there(&ours);
    }
    assert_int_equal(ctvigil_sct_damaged(&ours), walk.damaged);
}

static void test_same_walk(void **state)
{
    (void)state;
    facade_each(same_walk);
}

static void test_lists(void **state)
{
    struct span der = sample_load("tbs/final.der");
    struct ctvigil_cert cert;
    struct ctvigil_sct sct;
    int count = 0;

    (void)state;
    assert_true(ctvigil_cert_read(&cert, der.at, der.len));
    ctvigil_sct_begin(&sct, &cert);
    for (; ctvigil_sct_next(&sct); count++) {
        assert_true(ctvigil_sct_readable(&sct) && ctvigil_sct_version(&sct) == 0);
        assert_int_equal(ctvigil_sct_log_id(&sct).size, 32);
    }
    assert_true(count > 0 && !ctvigil_sct_damaged(&sct));
    sample_free(der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_walk), cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
