/* The JSON of an alert: what is known in its place, what is not known null, whatever bytes it is made of. */
#include "db/alertjson.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "model/cert.h"

static const uint8_t dn[] = "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x43\x41"; /* CN=CA */

static json_t *issuance_of(const struct alert *alert)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    alertjson_issuance(&text, alert);
    assert_true(buf_ok(&text));
    json_t *object = json_loads(buf_text(&text), 0, NULL);
    assert_non_null(object);
    buf_fini(&text);
    return object;
}

static void expect(json_t *object, const char *expected)
{
    json_t *wanted = json_loads(expected, 0, NULL);
    const char *name;
    json_t *value;
    assert_non_null(wanted);
    json_object_foreach(wanted, name, value)
    {
        char *got = json_dumps(json_object_get(object, name), JSON_ENCODE_ANY | JSON_COMPACT);
        if (!json_equal(value, json_object_get(object, name)))
            fail_msg("%s is %s", name, got == NULL ? "absent" : got);
        free(got);
    }
    json_decref(wanted);
    json_decref(object);
}

static struct issuance make(struct name *names, size_t count)
{
    struct issuance issuance = {.issuer_known = true, .names = names, .name_count = count};
    memset(issuance.tbs_fp, 1, sizeof issuance.tbs_fp);
    memset(issuance.spki_sha256, 2, sizeof issuance.spki_sha256);
    memset(issuance.issuer_spki_sha256, 3, sizeof issuance.issuer_spki_sha256);
    issuance.issuer = span_of(dn, sizeof dn - 1);
    issuance.serial = SPAN_LIT("\x01\x02");
    issuance.not_before = 1780272000;
    issuance.not_after = 1780272000 + 86399;
    issuance.subject_cn = SPAN_LIT("b.test");
    return issuance;
}

static struct name dns(const char *text)
{
    return (struct name){.kind = NAME_DNS, .raw = span_str(text), .text = span_str(text)};
}

static struct name ip(struct span octets)
{
    return (struct name){.kind = NAME_IP, .raw = octets, .text = SPAN_LIT("")};
}

static void known(void **state)
{
    struct name names[] = {dns("a.test"),
                           {.kind = NAME_EMAIL, .raw = SPAN_LIT("x@y"), .text = SPAN_LIT("x@y")},
                           ip(SPAN_LIT("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07")),
                           dns("b.test"),
                           ip(SPAN_LIT("\xc0\x00\x02\x09")),
                           ip(SPAN_LIT("\x08\x08\x08\x08")),
                           {.kind = NAME_OTHER, .raw = SPAN_LIT("?"), .text = SPAN_LIT("")}};
    struct issuance issuance = make(names, countof(names));
    struct alert alert = {.domain_id = 1, .issuance = &issuance, .sighting = {.form = ISSUANCE_PRECERT}};
    (void)state;
    struct finding_set lint = {0};
    finding_add(&lint, FINDING_CHAIN_MISMATCH);
    alert.lint = &lint;
    memset(alert.sighting.sha256, 4, 32);
    expect(
        issuance_of(&alert),
        "{\"serial\":\"0102\",\"issuer\":\"CN=CA\",\"issuer_proven\":false,\"names\":[\"b.test\",\"a.test\"],"
        "\"names_total\":5,\"ips\":[\"8.8.8.8\",\"192.0.2.9\",\"::ffff:192.0.2.7\"],\"form\":\"precert\","
        "\"not_before\":\"2026-06-01T00:00:00Z\",\"not_after\":\"2026-06-01T23:59:59Z\","
        "\"validity_seconds\":86400,\"is_ca\":false,\"findings\":[],\"lint\":[\"chain_mismatch\"],"
        "\"sha256\":\"0404040404040404040404040404040404040404040404040404040404040404\","
        "\"spki_sha256\":\"0202020202020202020202020202020202020202020202020202020202020202\","
        "\"issuer_spki_sha256\":\"0303030303030303030303030303030303030303030303030303030303030303\"}");
}

static void not_known_is_null(void **state)
{
    struct issuance issuance = make(NULL, 0);
    struct alert alert = {.domain_id = 1, .issuance = &issuance};
    (void)state;
    issuance.issuer_known = false;
    issuance.subject_cn = SPAN_NONE;
    memset(issuance.spki_sha256, 0, 32);
    finding_add(&issuance.findings, FINDING_TIME_UNREADABLE);
    issuance.not_before = CERT_TIME_MIN;
    expect(issuance_of(&alert),
           "{\"sha256\":null,\"spki_sha256\":null,\"issuer_spki_sha256\":null,\"subject_cn\":null,"
           "\"not_before\":null,\"not_after\":\"2026-06-01T23:59:59Z\",\"validity_seconds\":null,"
           "\"names\":[],\"names_total\":0,\"ips\":[],\"findings\":[\"time_unreadable\"],\"lint\":null}");
    /* Nothing was read: only the findings are true. */
    issuance.issuer = SPAN_NONE;
    finding_add(&issuance.findings, FINDING_CERTIFICATE_UNREADABLE);
    memset(alert.sighting.sha256, 4, 32);
    alert.domains_concerned = 9;
    expect(issuance_of(&alert),
           "{\"serial\":null,\"issuer\":null,\"issuer_spki_sha256\":null,\"issuer_proven\":false,"
           "\"spki_sha256\":null,\"subject_cn\":null,\"not_before\":null,\"not_after\":null,"
           "\"validity_seconds\":null,\"is_ca\":null,\"names\":[],\"names_total\":null,\"ips\":[],"
           "\"form\":\"unparsed\",\"sha256\":null,\"domains_concerned\":9}");
    alert.issuance = NULL;
    expect(issuance_of(&alert), "{}");
}

static void hostile_bytes_are_shown(void **state)
{
    static char many[200][16];
    struct name names[200];
    struct issuance issuance = make(names, countof(names));
    struct alert alert = {.domain_id = 1, .issuance = &issuance};
    (void)state;
    for (size_t i = 0; i < countof(names); i++) {
        (void)snprintf(many[i], sizeof many[i], "n%zu.test", i);
        names[i] = dns(many[i]);
    }
    struct name found = {.kind = NAME_DNS, .raw = SPAN_LIT("=cmd()|\0\xff<b>")};
    issuance.found = &found;
    issuance.found_count = 1;
    names[0].text = SPAN_LIT("\x00\"\\\xff\x1b.test");
    struct span orgs[] = {SPAN_LIT("Evil, O=Good\x1b"), SPAN_LIT("B")};
    issuance.orgs = orgs;
    issuance.org_count = 2;
    issuance.subject_cn = SPAN_LIT("\xe2\x80\xae x");
    json_t *object = issuance_of(&alert);
    assert_int_equal(json_array_size(json_object_get(object, "names")), ALERTJSON_NAMES_MAX);
    expect(json_incref(object),
           "{\"names_total\":200,\"raw_names\":[\"=cmd()|\\\\x00\\\\xff<b>\"],\"subject_cn\":"
           "\"\\\\xe2\\\\x80\\\\xae x\","
           "\"subject\":\"CN=\\\\xe2\\\\x80\\\\xae x, O=Evil\\\\, O=Good\\\\x1b, O=B\"}");
    assert_string_equal(json_string_value(json_array_get(json_object_get(object, "names"), 0)),
                        "\\x00\"\\\\\\xff\\x1b.test");
    json_decref(object);
}

static void findings_gravest_first(void **state)
{
    struct alert alert = {.finding_count = 3};
    struct buf text;
    (void)state;
    alert.findings[0] = (struct alert_finding){ALERT_KIND_OVER_LONG_VALIDITY, ALERT_LOW, "max_days",
                                               SPAN_LIT("1"), SPAN_LIT("2\n")};
    alert.findings[1] = (struct alert_finding){ALERT_KIND_UNEXPECTED_CA, ALERT_HIGH, "allow_ca",
                                               SPAN_LIT("a"), SPAN_LIT("b")};
    alert.findings[2] = (struct alert_finding){ALERT_KIND_UNEXPECTED_WILDCARD, ALERT_HIGH, "wildcard",
                                               SPAN_LIT("c"), SPAN_LIT("d")};
    buf_init(&text, 1 << 16);
    alertjson_findings(&text, &alert);
    json_t *list = json_loads(buf_text(&text), 0, NULL);
    assert_int_equal(json_array_size(list), 3);
    static const char *const rules[] = {"allow_ca", "wildcard", "max_days"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(list, i), "rule")), rules[i]);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 2), "found")), "2\\x0a");
    json_decref(list);
    buf_fini(&text);
}

static void dedup_names_what_it_stands_for(void **state)
{
    char room[ALERTJSON_DEDUP_MAX];
    struct issuance issuance = make(NULL, 0);
    struct alert alert = {.issuance = &issuance, .sighting = {.log_id = 3, .index = 77}};
    (void)state;
    alert.domain_id = 5;
    alert.domain = SPAN_LIT("x.test");
    assert_null(alertjson_dedup(&alert, room));
    assert_true(alertjson_has_fp(&alert));
    alert.domain_id = ALERT_DOMAINS_NONE;
    assert_string_equal(alertjson_dedup(&alert, room),
                        "malformed:0101010101010101010101010101010101010101010101010101010101010101");
    issuance.issuer = SPAN_NONE;
    finding_add(&issuance.findings, FINDING_CERTIFICATE_UNREADABLE);
    assert_false(alertjson_has_fp(&alert));
    assert_string_equal(alertjson_form(&alert), "unparsed");
    alert.domain_id = 5;
    assert_string_equal(alertjson_dedup(&alert, room),
                        "malformed:0101010101010101010101010101010101010101010101010101010101010101:x.test");
    memset(issuance.tbs_fp, 0, 32);
    assert_string_equal(alertjson_dedup(&alert, room), "malformed:3:77:x.test");
    alert.domain_id = ALERT_DOMAINS_NONE;
    assert_string_equal(alertjson_dedup(&alert, room), "malformed:3:77");
    alert.domain_id = 5;
    alert.lookalike = SPAN_LIT("x-login\x1b.test");
    assert_string_equal(alertjson_dedup(&alert, room), "lookalike:x.test:x-login\\x1b.test");
    alert.lookalike = SPAN_NONE;
    alert.issuance = NULL;
    assert_null(alertjson_dedup(&alert, room));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(not_known_is_null),
        cmocka_unit_test(hostile_bytes_are_shown),
        cmocka_unit_test(findings_gravest_first),
        cmocka_unit_test(dedup_names_what_it_stands_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
