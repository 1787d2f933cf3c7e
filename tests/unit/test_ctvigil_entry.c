#include "parser/leaf.h"
#include "tests/unit/facade.h"

static void same_entry(const struct ctvigil_entry *ours, const struct entry *theirs)
{
    struct ctvigil_findings findings;

    assert_int_equal(ctvigil_entry_kind(ours), theirs->kind);
    assert_true(ctvigil_entry_timestamp_ms(ours) == theirs->timestamp_ms);
    assert_true(facade_same(ctvigil_entry_leaf(ours), theirs->leaf));
    assert_true(facade_same(ctvigil_entry_der(ours), theirs->cert_der));
    assert_true(facade_same(ctvigil_entry_tbs(ours), theirs->tbs));
    assert_true(facade_same(ctvigil_entry_issuer_key_hash(ours), theirs->issuer_key_hash));
    assert_true(facade_same(ctvigil_entry_extensions(ours), theirs->extensions));
    assert_true(ctvigil_entry_leaf_index(ours) == theirs->leaf_index);
    assert_true(facade_same(ctvigil_entry_unverified_precert(ours), theirs->unverified_precert));
    assert_int_equal(ctvigil_entry_unverified_chain_count(ours), theirs->chain_count);
    for (size_t i = 0; i < theirs->chain_count; i++)
        assert_true(facade_same(ctvigil_entry_unverified_chain(ours, i), theirs->unverified_chain[i]));
    assert_true(facade_absent(ctvigil_entry_unverified_chain(ours, theirs->chain_count)));
    assert_true(facade_absent(ctvigil_entry_unverified_fingerprints(ours)));
    ctvigil_entry_findings(ours, &findings);
    for (int i = 0; i < FINDING_COUNT; i++)
        assert_int_equal(ctvigil_findings_has(&findings, i), finding_has(&theirs->findings, (enum finding)i));
}

static void test_same_entries(void **state)
{
    static const struct {
        const char *leaf;
        const char *extra;
        int kind;
    } rows[] = {
        {"leaf/x509", "leaf/extra_x509", CTVIGIL_ENTRY_X509},
        {"leaf/precert", "leaf/extra_precert", CTVIGIL_ENTRY_PRECERT},
        {"leaf/x509", "leaf/extra_precert", CTVIGIL_ENTRY_X509},
        {"leaf/unknown_type", "leaf/extra_x509", CTVIGIL_ENTRY_OPAQUE},
        {"leaf/version", "leaf/extra_x509", CTVIGIL_ENTRY_OPAQUE},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span leaf = sample_load(rows[i].leaf);
        struct span extra = sample_load(rows[i].extra);
        struct entry theirs = {.leaf_index = -1};
        struct ctvigil_entry ours;
        memset(&ours, 0xa5, sizeof ours);
        ctvigil_entry_read(&ours, (struct ctvigil_bytes){leaf.at, leaf.len},
                           (struct ctvigil_bytes){extra.at, extra.len});
        leaf_read(leaf, &theirs);
        leaf_read_extra(extra, &theirs);
        assert_int_equal(ctvigil_entry_kind(&ours), rows[i].kind);
        same_entry(&ours, &theirs);
        sample_free(leaf);
        sample_free(extra);
    }
}

static void test_certificate(void **state)
{
    static const char *const leaves[] = {"leaf/x509", "leaf/precert", "leaf/version"};
    struct ctvigil_cert cert;
    struct ctvigil_entry entry;

    (void)state;
    for (size_t i = 0; i < countof(leaves); i++) {
        struct span leaf = sample_load(leaves[i]);
        struct ctvigil_cert same;
        ctvigil_entry_read(&entry, (struct ctvigil_bytes){leaf.at, leaf.len},
                           (struct ctvigil_bytes){NULL, 0});
        struct ctvigil_bytes der = ctvigil_entry_der(&entry);
        struct ctvigil_bytes tbs = ctvigil_entry_tbs(&entry);
        bool good = der.data != NULL ? ctvigil_cert_read(&same, der.data, der.size)
                                     : ctvigil_cert_read_tbs(&same, tbs.data, tbs.size);
        assert_int_equal(ctvigil_entry_cert(&entry, &cert), good);
        assert_true(ctvigil_cert_subject(&cert).data == ctvigil_cert_subject(&same).data);
        assert_int_equal(ctvigil_entry_kind(&entry) == CTVIGIL_ENTRY_OPAQUE,
                         der.data == NULL && tbs.data == NULL);
        sample_free(leaf);
    }
    ctvigil_entry_read(&entry, (struct ctvigil_bytes){NULL, 0}, (struct ctvigil_bytes){NULL, 0});
    assert_int_equal(ctvigil_entry_kind(&entry), CTVIGIL_ENTRY_OPAQUE);
    assert_false(ctvigil_entry_cert(&entry, &cert));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_entries),
                                       cmocka_unit_test(test_certificate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
