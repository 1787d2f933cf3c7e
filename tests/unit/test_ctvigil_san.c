#include "parser/san.h"
#include "tests/unit/facade.h"

/* Before the first and behind the last there is nothing to see. */
static void nothing_there(const struct ctvigil_san *ours)
{
    assert_true(facade_absent(ctvigil_san_value(ours)) && facade_absent(ctvigil_san_whole(ours)));
    assert_int_equal(ctvigil_san_kind(ours), CTVIGIL_SAN_UNKNOWN);
}

static void same_walk(const struct ctvigil_cert *cert, const struct cert *theirs)
{
    struct ctvigil_san ours;
    struct san walk;
    struct san_item item;

    san_init(&walk, theirs);
    memset(&ours, 0xa5, sizeof ours);
    ctvigil_san_begin(&ours, cert);
    nothing_there(&ours);
    while (san_next(&walk, &item)) {
        assert_true(ctvigil_san_next(&ours));
        assert_int_equal(ctvigil_san_kind(&ours), item.kind);
        assert_true(facade_same(ctvigil_san_value(&ours), item.value));
        assert_true(facade_same(ctvigil_san_whole(&ours), item.whole));
    }
    for (int again = 0; again < 2; again++) {
        assert_false(ctvigil_san_next(&ours));
        nothing_there(&ours);
    }
    assert_int_equal(ctvigil_san_damaged(&ours), walk.damaged || ext_lost(theirs));
}

static void test_same_walk(void **state)
{
    (void)state;
    facade_each(same_walk);
}

/* All kinds are there, and a name that is lost is said to be lost. */
static void test_kinds(void **state)
{
    struct span der = sample_load("tbs/kinds.der");
    struct span bad = sample_load("tbs/badsan.der");
    struct ctvigil_cert cert;
    struct ctvigil_san san;
    unsigned kinds = 0;

    (void)state;
    assert_true(ctvigil_cert_read(&cert, der.at, der.len));
    ctvigil_san_begin(&san, &cert);
    while (ctvigil_san_next(&san))
        kinds |= 1u << ctvigil_san_kind(&san);
    assert_true((kinds & (1u << CTVIGIL_SAN_DNS)) != 0 && (kinds & (1u << CTVIGIL_SAN_IP)) != 0);
    assert_true((kinds & (1u << CTVIGIL_SAN_DIRECTORY)) != 0);
    assert_false(ctvigil_san_damaged(&san));
    (void)ctvigil_cert_read(&cert, bad.at, bad.len);
    ctvigil_san_begin(&san, &cert);
    while (ctvigil_san_next(&san))
        continue;
    assert_true(ctvigil_san_damaged(&san));
    sample_free(der);
    sample_free(bad);
}

static bool sans_damaged(const void *der, size_t size)
{
    struct ctvigil_cert cert;
    struct ctvigil_san san;

    (void)ctvigil_cert_read(&cert, der, size);
    ctvigil_san_begin(&san, &cert);
    while (ctvigil_san_next(&san))
        continue;
    return ctvigil_san_damaged(&san);
}

/* Wherever a certificate ends too early, its names may be lost. */
static void test_every_cut(void **state)
{
    struct span der = sample_load("tbs/final.der");

    (void)state;
    for (size_t len = 0; len < der.len; len++)
        assert_true(sans_damaged(der.at, len));
    assert_false(sans_damaged(der.at, der.len));
    sample_free(der);
}

/* Names could stand beside the extensions, or where they should be. */
static void test_beside(void **state)
{
    static const char *const files[] = {"tbs/exts_four.der", "tbs/exts_primitive.der", "tbs/exts_twice.der"};

    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        struct span der = sample_load(files[i]);
        assert_true(sans_damaged(der.at, der.len));
        sample_free(der);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_walk),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
