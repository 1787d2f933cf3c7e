#include "parser/dn.h"
#include "tests/unit/facade.h"

/* Before the first and behind the last there is nothing to see. */
static void nothing_there(const struct ctvigil_dn *ours)
{
    assert_true(facade_absent(ctvigil_dn_oid(ours)) && facade_absent(ctvigil_dn_value(ours)));
    assert_int_equal(ctvigil_dn_tag(ours), 0);
}

static void same_walk(const struct ctvigil_cert *cert, const struct cert *theirs)
{
    struct ctvigil_dn ours;
    struct dn walk;
    struct dn_attr item;

    dn_init(&walk, theirs->subject);
    memset(&ours, 0xa5, sizeof ours);
    ctvigil_dn_begin(&ours, ctvigil_cert_subject(cert));
    nothing_there(&ours);
    while (dn_next(&walk, &item)) {
        assert_true(ctvigil_dn_next(&ours));
        assert_true(facade_same(ctvigil_dn_oid(&ours), item.oid));
        assert_true(facade_same(ctvigil_dn_value(&ours), item.value));
        assert_int_equal(ctvigil_dn_tag(&ours), item.tag);
        assert_int_equal(ctvigil_dn_rdn(&ours), item.rdn);
    }
    for (int again = 0; again < 2; again++) {
        assert_false(ctvigil_dn_next(&ours));
        nothing_there(&ours);
    }
    assert_int_equal(ctvigil_dn_damaged(&ours), walk.damaged);
}

static void test_same_walk(void **state)
{
    (void)state;
    facade_each(same_walk);
}

static void test_text(void **state)
{
    struct span der = sample_load("tbs/final.der");
    struct span damaged = sample_load("dn/damaged");
    struct ctvigil_cert cert;
    struct ctvigil_dn dn;
    char text[128];

    (void)state;
    assert_true(ctvigil_cert_read(&cert, der.at, der.len));
    struct ctvigil_bytes subject = ctvigil_cert_subject(&cert);
    size_t whole = ctvigil_dn_text(subject, text, sizeof text);
    assert_int_equal(whole, strlen(text));
    assert_string_equal(text, "CN=www.example.org,O=Example Org,C=DE");
    for (size_t cap = 0; cap < 40; cap++) {
        memset(text, 'x', sizeof text);
        size_t len = ctvigil_dn_text(subject, text, cap);
        assert_true(cap == 0 || (len < cap && strlen(text) == len));
        assert_int_equal(text[cap], 'x');
    }
    ctvigil_dn_begin(&dn, (struct ctvigil_bytes){damaged.at, damaged.len});
    while (ctvigil_dn_next(&dn))
        continue;
    assert_true(ctvigil_dn_damaged(&dn));
    struct span parts = sample_load("dn/parts");
    ctvigil_dn_begin(&dn, (struct ctvigil_bytes){parts.at, parts.len});
    assert_true(ctvigil_dn_next(&dn) && (ctvigil_dn_tag(&dn) & 0x20) != 0);
    assert_true(ctvigil_dn_damaged(&dn));
    sample_free(parts);
    sample_free(der);
    sample_free(damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_walk), cmocka_unit_test(test_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
