#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/dns.h"
#include "cli/certfacts.h"
#include "ingest/examine.h"
#include "tests/unit/sample.h"

/* One member of one sample, as compact JSON. */
static const struct {
    const char *sample;
    const char *member;
    const char *want;
} rows[] = {
    {"tbs/kinds.der", "name_constraints",
     "{\"permitted\":[{\"kind\":\"dns\",\"value\":\"example.org\"}],\"excluded\":[]}"},
    {"tbs/kinds.der", "aia",
     "[{\"method\":\"1.3.6.1.5.5.7.48.1\",\"name\":\"OCSP\",\"kind\":\"uri\",\"value\":"
     "\"http://ocsp.example.org\"}]"},
    {"tbs/kinds.der", "crl_points",
     "[{\"point\":0,\"kind\":\"uri\",\"value\":\"http://crl.example.org/c.crl\",\"reasons\":null,"
     "\"issuer\":null}]"},
    {"tbs/kinds.der", "o", "[\"Example Org\"]"},
    {"tbs/kinds.der", "ou", "[]"},
    {"tbs/kinds.der", "key_usage", "[\"keyCertSign\",\"cRLSign\"]"},
    {"tbs/kinds.der", "path_len", "1"},
    {"tbs/kinds.der", "eku", "null"},
    {"tbs/kinds.der", "key_curve", "\"P-256\""},
    {"tbs/kinds.der", "sig_alg", "\"ecdsa-with-SHA256\""},
    {"tbs/kinds.der", "sig_params", "null"},
    {"tbs/kinds.der", "damaged", "[]"},
    {"tbs/final.der", "policies", "[{\"oid\":\"2.23.140.1.2.1\",\"name\":\"domainValidated\",\"cps\":null}]"},
    {"tbs/final.der", "validated", "[\"dv\"]"},
    {"tbs/final.der", "name_constraints", "null"},
    {"tbs/final.der", "eku", "[\"1.3.6.1.5.5.7.3.1\",\"1.3.6.1.5.5.7.3.2\"]"},
    {"tbs/final.der", "names",
     "[{\"kind\":\"dns\",\"text\":\"www.example.org\",\"unicode\":\"www.example.org\",\"apex\":"
     "\"example.org\",\"flags\":[]},{\"kind\":\"dns\",\"text\":\"*.example.org\",\"unicode\":"
     "\"*.example.org\",\"apex\":\"example.org\",\"flags\":[\"wildcard\"]}]"},
    {"finding/none/pss.der", "sig_alg", "\"RSASSA-PSS\""},
    {"finding/none/pss.der", "sig_params",
     "{\"hash\":\"sha256\",\"mgf\":\"mgf1\",\"mgf_hash\":\"sha256\",\"salt_length\":32,\"trailer\":1}"},
    {"finding/pss_parameters/unreadable.der", "sig_params", "\"0500\""},
    {"finding/none/rsa.der", "key_exponent", "\"10001\""},
    {"finding/none/rsa.der", "key_params", "\"0500\""},
    {"finding/none/ed25519.der", "key_oid", "\"1.3.101.112\""},
    {"finding/none/ed25519.der", "key_params", "null"},
    {"finding/none/qc.der", "qc_statements",
     "[{\"oid\":\"0.4.0.1862.1.1\",\"name\":\"QcCompliance\",\"types\":[]}]"},
    {"finding/none/policies.der", "policies",
     "[{\"oid\":\"2.23.140.1.2.1\",\"name\":\"domainValidated\",\"cps\":null},{\"oid\":\"2.5.29.32.0\","
     "\"name\":\"anyPolicy\",\"cps\":\"http://x.example\"}]"},
    {"finding/none/constrained_ca.der", "name_constraints",
     "{\"permitted\":[{\"kind\":\"dns\",\"value\":\"example.org\"},{\"kind\":\"ip\",\"value\":"
     "\"0000000000000000\"}],\"excluded\":[]}"},
    {"finding/ou_present/unit.der", "ou", "[\"Sales\"]"},
    {"finding/none/usage_of_nine_bits.der", "key_usage",
     "[\"digitalSignature\",\"keyAgreement\",\"decipherOnly\"]"},
    {"finding/extension_unreadable/nc.der", "damaged", "[\"name_constraints\"]"},
    {"finding/extension_unreadable/aia.der", "damaged", "[\"aia\"]"},
    {"finding/extension_unreadable/crl.der", "damaged", "[\"crl_points\"]"},
    {"finding/extension_unreadable/eku.der", "damaged", "[\"eku\"]"},
    {"finding/extension_unreadable/qc.der", "damaged", "[\"qc_statements\"]"},
    {"finding/extension_unreadable/policy_qualifier.der", "damaged", "[\"policies\"]"},
    {"finding/san_ip_text/dns.der", "names",
     "[{\"kind\":\"dns\",\"text\":\"www.example.org\",\"unicode\":\"www.example.org\",\"apex\":"
     "\"example.org\",\"flags\":[]},{\"kind\":\"dns\",\"text\":\"*.example.org\",\"unicode\":"
     "\"*.example.org\",\"apex\":\"example.org\",\"flags\":[\"wildcard\"]},{\"kind\":\"ip\",\"text\":"
     "\"c0000201\",\"flags\":[\"from_ip_text\"]}]"},
    {"tbs/precertca.der", "precert_signing", "true"},
    {"tbs/precertca.der", "extensions",
     "[{\"oid\":\"2.5.29.19\",\"name\":\"basicConstraints\",\"known\":true,\"critical\":true,\"size\":5},"
     "{\"oid\":\"2.5.29.37\",\"name\":\"extKeyUsage\",\"known\":true,\"critical\":true,\"size\":14},"
     "{\"oid\":\"2.5.29.14\",\"name\":\"subjectKeyIdentifier\",\"known\":true,\"critical\":false,"
     "\"size\":22}]"},
};

static void every_member(void **state)
{
    struct arena arena;

    (void)state;
    assert_int_equal(dns_psl_load(SPAN_LIT("org\n"), NULL), ERR_OK);
    assert_true(arena_init(&arena, 1u << 20));
    for (size_t i = 0; i < countof(rows); i++) {
        struct span der = sample_load(rows[i].sample);
        json_t *object = json_object();
        struct issuance issuance;
        struct cert cert;
        uint8_t sha256[32];
        assert_true(examine_certificate(der, &arena, &cert, &issuance, sha256));
        certfacts_set(object, &cert, &issuance);
        char *text = json_dumps(json_object_get(object, rows[i].member), JSON_COMPACT | JSON_ENCODE_ANY);
        assert_non_null(text);
        if (strcmp(text, rows[i].want) != 0)
            fail_msg("%s %s: %s", rows[i].sample, rows[i].member, text);
        free(text);
        json_decref(object);
        sample_free(der);
        arena_reset(&arena, 0);
    }
    arena_fini(&arena);
}

/* Nothing read, or nothing there: every member is there all the same. */
static void nothing_at_all(void **state)
{
    json_t *object = json_object();
    struct issuance issuance = {.name_count = 0};
    struct cert cert = {.path_len = -1};

    (void)state;
    certfacts_set(object, &cert, &issuance);
    assert_true(json_is_null(json_object_get(object, "key_oid")));
    assert_true(json_is_null(json_object_get(object, "name_constraints")));
    assert_int_equal(json_array_size(json_object_get(object, "extensions")), 0);
    assert_int_equal(json_array_size(json_object_get(object, "damaged")), 0);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_member), cmocka_unit_test(nothing_at_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
