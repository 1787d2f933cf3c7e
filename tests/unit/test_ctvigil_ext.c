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
    assert_int_equal(ctvigil_ext_damaged(&ours), walk.damaged || ext_lost(theirs));
}

static void test_same_walk(void **state)
{
    (void)state;
    facade_each(same_walk);
}

static bool exts_damaged(struct span der)
{
    struct ctvigil_cert cert;
    struct ctvigil_ext ext;

    (void)ctvigil_cert_read(&cert, der.at, der.len);
    ctvigil_ext_begin(&ext, &cert);
    while (ctvigil_ext_next(&ext))
        continue;
    return ctvigil_ext_damaged(&ext);
}

/* Extensions that no walk meets: the certificate is cut off, or something stands beside their block. */
static void test_lost(void **state)
{
    static const struct {
        const char *file;
        bool damaged;
    } rows[] = {
        {"tbs/final.der", false},    {"tbs/exts_hightag.der", false}, {"tbs/v1.der", false},
        {"tbs/exts_four.der", true}, {"tbs/exts_twice.der", true},    {"tbs/cut.der", true},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span der = sample_load(rows[i].file);
        assert_int_equal(exts_damaged(der), rows[i].damaged);
        for (size_t len = 0; len < der.len; len++)
            assert_true(exts_damaged(span_of(der.at, len)));
        sample_free(der);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_walk), cmocka_unit_test(test_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
