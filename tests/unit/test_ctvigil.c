#include "tests/unit/facade.h"

static void test_version(void **state)
{
    (void)state;
    assert_string_equal(ctvigil_version(), CTVIGIL_VERSION);
}

static void test_findings_are_the_rows(void **state)
{
    (void)state;
    assert_int_equal(ctvigil_finding_count(), FINDING_COUNT);
    for (int i = 0; i < FINDING_COUNT; i++) {
        assert_string_equal(ctvigil_finding_name(i), finding_name((enum finding)i));
        assert_string_equal(ctvigil_finding_rule(i), finding_rule((enum finding)i));
        assert_string_equal(ctvigil_finding_sentence(i), finding_sentence((enum finding)i));
        assert_int_equal(ctvigil_finding_is_broken(i), finding_severity((enum finding)i) == FINDING_BROKEN);
    }
    assert_string_equal(ctvigil_finding_name(CTVIGIL_FINDING_SAN_IP_TEXT), "san_ip_text");
}

/* Numbers of a newer library, or no numbers at all, are not known and harm nothing. */
static void test_unknown_findings(void **state)
{
    static const int strange[] = {-1, FINDING_COUNT, 63 + FINDING_COUNT, 128, 256, INT32_MAX, INT32_MIN};
    struct ctvigil_findings all;

    (void)state;
    memset(&all, 0xff, sizeof all);
    for (size_t i = 0; i < countof(strange); i++) {
        assert_null(ctvigil_finding_name(strange[i]));
        assert_null(ctvigil_finding_rule(strange[i]));
        assert_null(ctvigil_finding_sentence(strange[i]));
        assert_false(ctvigil_finding_is_broken(strange[i]));
        assert_false(ctvigil_findings_has(&all, strange[i]));
    }
    assert_int_equal(ctvigil_findings_next(&all, INT32_MAX - 1), -1);
    assert_int_equal(ctvigil_findings_next(&all, INT32_MAX), -1);
    assert_int_equal(ctvigil_findings_next(&all, INT32_MIN), 0);
}

static void test_walk_of_a_set(void **state)
{
    struct span der = sample_load("tbs/cut.der");
    struct ctvigil_cert cert;
    struct ctvigil_findings findings;
    int seen = 0;

    (void)state;
    (void)ctvigil_cert_read(&cert, der.at, der.len);
    ctvigil_cert_findings(&cert, &findings);
    for (int at = ctvigil_findings_next(&findings, -1); at >= 0; at = ctvigil_findings_next(&findings, at)) {
        assert_true(ctvigil_findings_has(&findings, at));
        seen++;
    }
    for (int i = 0; i < FINDING_COUNT; i++)
        seen -= ctvigil_findings_has(&findings, i);
    assert_int_equal(seen, 0);
    assert_true(ctvigil_findings_has(&findings, CTVIGIL_FINDING_CERTIFICATE_UNREADABLE));
    assert_true(ctvigil_findings_any_broken(&findings));
    memset(&findings, 0, sizeof findings);
    assert_false(ctvigil_findings_any_broken(&findings));
    assert_int_equal(ctvigil_findings_next(&findings, -1), -1);
    sample_free(der);
}

static void test_identifiers(void **state)
{
    static const uint8_t san[] = {0x55, 0x1d, 0x11};
    static const uint8_t other[] = {0x2a, 0x03, 0x04};
    uint8_t endless[400];
    char text[CTVIGIL_OID_TEXT];

    (void)state;
    assert_string_equal(ctvigil_oid_name((struct ctvigil_bytes){san, 3}), "subjectAltName");
    assert_null(ctvigil_oid_name((struct ctvigil_bytes){other, 3}));
    assert_null(ctvigil_oid_name((struct ctvigil_bytes){NULL, 0}));
    assert_ptr_equal(ctvigil_oid_text((struct ctvigil_bytes){other, 3}, text), text);
    assert_string_equal(text, "1.2.3.4");
    assert_string_equal(ctvigil_oid_text((struct ctvigil_bytes){NULL, 0}, text), "#");
    memset(endless, 1, sizeof endless);
    assert_true(strlen(ctvigil_oid_text((struct ctvigil_bytes){endless, sizeof endless}, text)) <
                sizeof text);
}

static void test_text(void **state)
{
    static const uint8_t bmp[] = {0x00, 0x41, 0x20, 0xac};
    char out[8];

    (void)state;
    assert_int_equal(ctvigil_utf8(0x1e, (struct ctvigil_bytes){bmp, 4}, out, sizeof out), 4);
    assert_memory_equal(out, "A\xe2\x82\xac", 4);
    assert_int_equal(ctvigil_utf8(0x1e, (struct ctvigil_bytes){bmp, 4}, out, 3), 1);
    assert_int_equal(ctvigil_utf8(0x1e, (struct ctvigil_bytes){bmp, 1}, out, 2 * 1 + 1), 3);
    assert_memory_equal(out, "\xef\xbf\xbd", 3);
    assert_int_equal(ctvigil_utf8(0x0c, (struct ctvigil_bytes){NULL, 0}, out, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),          cmocka_unit_test(test_findings_are_the_rows),
        cmocka_unit_test(test_unknown_findings), cmocka_unit_test(test_walk_of_a_set),
        cmocka_unit_test(test_identifiers),      cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
