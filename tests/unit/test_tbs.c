#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/spki.h"
#include "parser/tbs.h"
#include "tests/unit/sample.h"

static void test_facts(void **state)
{
    static const struct {
        const char *file;
        bool good;
        int32_t version;
        uint32_t ext_count;
        uint32_t flags;
        uint16_t key_usage_bits;
        int32_t path_len;
    } rows[] = {
        {"tbs/plain.der", true, 3, 6,
         CERT_HAS_BC | CERT_HAS_EKU | CERT_SERVER_AUTH | CERT_CLIENT_AUTH | CERT_POLICY_DV | CERT_SELF_ISSUED,
         0x8000, -1},
        {"tbs/kinds.der", true, 3, 7, CERT_HAS_BC | CERT_IS_CA | CERT_SELF_ISSUED, 0x0600, 1},
        {"tbs/poison.der", true, 3, 3, CERT_POISON | CERT_SELF_ISSUED, 0, -1},
        {"tbs/precertca.der", true, 3, 3,
         CERT_HAS_BC | CERT_IS_CA | CERT_HAS_EKU | CERT_PRECERT_SIGNING | CERT_SELF_ISSUED, 0, -1},
        {"tbs/v1.der", true, 1, 0, CERT_SELF_ISSUED, 0, -1},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span der = sample_load(rows[i].file);
        struct cert cert;
        assert_int_equal(tbs_read_certificate(der, &cert), rows[i].good);
        assert_int_equal(cert.version, rows[i].version);
        assert_int_equal(cert.ext_count, rows[i].ext_count);
        assert_int_equal(cert.flags, rows[i].flags);
        assert_int_equal(cert.key_usage_bits, rows[i].key_usage_bits);
        assert_int_equal(cert.path_len, rows[i].path_len);
        assert_int_equal(cert.key_alg, CERT_KEY_EC);
        assert_int_equal(cert.key_bits, 256);
        assert_string_equal(spki_alg_name(&cert), "EC");
        assert_int_equal(cert.not_after - cert.not_before, 90 * 86400);
        assert_true(finding_none(&cert.findings));
        sample_free(der);
    }
}

static void test_findings(void **state)
{
    static const struct {
        const char *file;
        bool good;
        enum finding finding;
    } rows[] = {
        {"tbs/cut.der", false, FINDING_CERTIFICATE_UNREADABLE},
        {"tbs/indefinite.der", true, FINDING_BER_INDEFINITE},
        {"tbs/longlength.der", true, FINDING_DER_LENGTH_NOT_MINIMAL},
        {"tbs/twosan.der", true, FINDING_EXTENSION_DUPLICATE},
        {"tbs/exts_hightag.der", true, FINDING_DER_TAG_LONG},
        {"tbs/exts_four.der", true, FINDING_EXTENSION_UNREADABLE},
        {"tbs/exts_primitive.der", true, FINDING_EXTENSION_UNREADABLE},
        {"tbs/exts_twice.der", true, FINDING_EXTENSION_UNREADABLE},
        {"tbs/exts_then_null.der", true, FINDING_TBS_TRAILING_BYTES},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span der = sample_load(rows[i].file);
        struct cert cert;
        assert_int_equal(tbs_read_certificate(der, &cert), rows[i].good);
        assert_true(finding_has(&cert.findings, rows[i].finding));
        assert_true(cert.issuer.at != NULL && cert.subject.at != NULL);
        sample_free(der);
    }
}

/* A certificate of two changed bytes: `at` is the offset inside the serial's element of plain.der. */
static void test_serials(void **state)
{
    static const struct {
        struct span content;
        enum finding finding;
        bool found;
    } rows[] = {
        {{(const uint8_t *)"\x12\x34", 2}, FINDING_SERIAL_NEGATIVE, false},
        {{(const uint8_t *)"\x92\x34", 2}, FINDING_SERIAL_NEGATIVE, true},
        {{(const uint8_t *)"\x00\x00", 2}, FINDING_SERIAL_ZERO, true},
        {{(const uint8_t *)"\x00\x34", 2}, FINDING_INTEGER_NOT_MINIMAL, true},
        {{(const uint8_t *)"\x00\xb4", 2}, FINDING_INTEGER_NOT_MINIMAL, false},
        {{(const uint8_t *)"\xff\xb4", 2}, FINDING_INTEGER_NOT_MINIMAL, true},
        {{(const uint8_t *)"\xff\x34", 2}, FINDING_INTEGER_NOT_MINIMAL, false},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span der = sample_load("tbs/plain.der");
        struct cert cert;
        assert_true(tbs_read_certificate(der, &cert));
        assert_true(span_eq(cert.serial, SPAN_LIT("\x12\x34")));
        memcpy((void *)(uintptr_t)cert.serial.at, rows[i].content.at, rows[i].content.len);
        assert_true(tbs_read_certificate(der, &cert));
        assert_int_equal(finding_has(&cert.findings, rows[i].finding), rows[i].found);
        sample_free(der);
    }
}

/* The same certificate with tags in their long form, which others read as we read the short one. */
static void test_long_tags(void **state)
{
    static const char *const files[] = {"tbs/exts_hightag.der", "tbs/exts_hightag_padded.der",
                                        "tbs/all_hightag.der"};
    struct span plain = sample_load("tbs/plain.der");
    struct cert want;

    (void)state;
    assert_true(tbs_read_certificate(plain, &want));
    for (size_t i = 0; i < countof(files); i++) {
        struct span der = sample_load(files[i]);
        struct cert cert;
        assert_true(tbs_read_certificate(der, &cert));
        assert_true(finding_has(&cert.findings, FINDING_DER_TAG_LONG));
        assert_false(finding_any_broken(&cert.findings));
        assert_int_equal(cert.version, want.version);
        assert_int_equal(cert.ext_count, want.ext_count);
        assert_int_equal(cert.flags, want.flags);
        assert_int_equal(cert.not_after, want.not_after);
        assert_int_equal(cert.key_bits, want.key_bits);
        assert_int_equal(cert.key_usage_bits, want.key_usage_bits);
        assert_true(span_eq(cert.serial, want.serial));
        assert_true(span_eq(cert.aki_key_id, want.aki_key_id));
        sample_free(der);
    }
    sample_free(plain);
}

/* Octets behind the number of the version are remarked. */
static void test_version_tail(void **state)
{
    static const uint8_t tbs[] = {0x30, 0x09, 0xa0, 0x05, 0x02, 0x01, 0x02, 0x05, 0x00, 0x05, 0x00};
    struct cert cert;

    (void)state;
    (void)tbs_read(span_of(tbs, sizeof tbs), &cert);
    assert_int_equal(cert.version, 3);
    assert_true(finding_has(&cert.findings, FINDING_TBS_TRAILING_BYTES));
}

static void test_every_cut(void **state)
{
    struct span der = sample_load("tbs/final.der");
    struct cert cert;

    (void)state;
    for (size_t len = 0; len < der.len; len++) {
        uint8_t *exact = malloc(len != 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, der.at, len);
        assert_false(tbs_read_certificate(span_of(exact, len), &cert));
        assert_true(finding_has(&cert.findings, FINDING_CERTIFICATE_UNREADABLE));
        free(exact);
    }
    assert_true(tbs_read_certificate(der, &cert));
    assert_true(cert.sct_list.at != NULL);
    sample_free(der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_serials),      cmocka_unit_test(test_long_tags),
        cmocka_unit_test(test_version_tail), cmocka_unit_test(test_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
