#include "parser/lint.h"
#include "parser/spki.h"
#include "tests/unit/facade.h"

static void same_parts(const struct ctvigil_cert *ours, const struct cert *theirs)
{
    const struct {
        struct ctvigil_bytes ours;
        struct span theirs;
    } rows[] = {
        {ctvigil_cert_der(ours), theirs->der},
        {ctvigil_cert_tbs(ours), theirs->tbs},
        {ctvigil_cert_serial(ours), theirs->serial},
        {ctvigil_cert_issuer(ours), theirs->issuer},
        {ctvigil_cert_subject(ours), theirs->subject},
        {ctvigil_cert_spki(ours), theirs->spki},
        {ctvigil_cert_key_oid(ours), theirs->key_oid},
        {ctvigil_cert_curve_oid(ours), theirs->curve_oid},
        {ctvigil_cert_signature_oid(ours), theirs->sig_oid},
        {ctvigil_cert_tbs_signature_oid(ours), theirs->tbs_sig_oid},
        {ctvigil_cert_signature(ours), theirs->sig},
        {ctvigil_cert_authority_key_id(ours), theirs->aki_key_id},
        {ctvigil_cert_subject_key_id(ours), theirs->ski},
    };

    for (size_t i = 0; i < countof(rows); i++)
        assert_true(facade_same(rows[i].ours, rows[i].theirs));
}

static void same_facts(const struct ctvigil_cert *ours, const struct cert *theirs)
{
    struct ctvigil_findings findings;
    const char *name = spki_alg_name(theirs);

    same_parts(ours, theirs);
    assert_true(ctvigil_cert_not_before(ours) == theirs->not_before);
    assert_true(ctvigil_cert_not_after(ours) == theirs->not_after);
    assert_int_equal(ctvigil_cert_version(ours), theirs->version);
    assert_int_equal(ctvigil_cert_path_len(ours), theirs->path_len);
    assert_int_equal(ctvigil_cert_key_bits(ours), theirs->key_bits);
    assert_int_equal(ctvigil_cert_key_usage(ours), theirs->key_usage_bits);
    assert_int_equal(ctvigil_cert_flags(ours), theirs->flags);
    assert_int_equal(ctvigil_cert_key(ours), theirs->key_alg);
    assert_true(name == NULL ? ctvigil_cert_key_name(ours) == NULL
                             : strcmp(name, ctvigil_cert_key_name(ours)) == 0);
    ctvigil_cert_findings(ours, &findings);
    for (int i = 0; i < FINDING_COUNT; i++)
        assert_int_equal(ctvigil_findings_has(&findings, i), finding_has(&theirs->findings, (enum finding)i));
    struct finding_set closer = theirs->findings;
    lint_read(theirs, &closer);
    ctvigil_cert_lint(ours, &findings);
    for (int i = 0; i < FINDING_COUNT; i++)
        assert_int_equal(ctvigil_findings_has(&findings, i), finding_has(&closer, (enum finding)i));
}

static void test_same_facts(void **state)
{
    (void)state;
    facade_each(same_facts);
}

static void test_known_facts(void **state)
{
    struct span der = sample_load("tbs/final.der");
    struct ctvigil_cert cert;
    struct ctvigil_cert copy;

    (void)state;
    assert_true(ctvigil_cert_read(&cert, der.at, der.len));
    copy = cert;
    memset(&cert, 0xa5, sizeof cert);
    assert_int_equal(ctvigil_cert_version(&copy), 3);
    assert_int_equal(ctvigil_cert_key(&copy), CTVIGIL_KEY_EC);
    assert_int_equal(ctvigil_cert_key_bits(&copy), 256);
    assert_string_equal(ctvigil_cert_key_name(&copy), "EC");
    assert_int_equal(ctvigil_cert_flags(&copy) & (CTVIGIL_IS_CA | CTVIGIL_POISON), 0);
    assert_true(ctvigil_cert_not_before(&copy) < ctvigil_cert_not_after(&copy));
    sample_free(der);
}

static void test_bare_tbs(void **state)
{
    struct span der = sample_load("tbs/bare_tbs.der");
    struct ctvigil_cert cert;

    (void)state;
    assert_true(ctvigil_cert_read_tbs(&cert, der.at, der.len));
    assert_true(facade_absent(ctvigil_cert_der(&cert)));
    assert_true(facade_absent(ctvigil_cert_signature_oid(&cert)));
    assert_false(facade_absent(ctvigil_cert_tbs_signature_oid(&cert)));
    assert_true(facade_same(ctvigil_cert_tbs(&cert), der));
    sample_free(der);
}

static void test_nothing(void **state)
{
    struct ctvigil_cert cert;
    struct ctvigil_findings findings;

    (void)state;
    memset(&cert, 0xa5, sizeof cert);
    assert_false(ctvigil_cert_read(&cert, NULL, 0));
    ctvigil_cert_findings(&cert, &findings);
    assert_true(ctvigil_findings_has(&findings, CTVIGIL_FINDING_CERTIFICATE_UNREADABLE));
    assert_true(facade_absent(ctvigil_cert_issuer(&cert)));
    assert_int_equal(ctvigil_cert_path_len(&cert), -1);
    assert_null(ctvigil_cert_key_name(&cert));
    assert_false(ctvigil_cert_read_tbs(&cert, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_facts),
        cmocka_unit_test(test_known_facts),
        cmocka_unit_test(test_bare_tbs),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
