#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/lintname.h"

#define NONE FINDING_COUNT

static const struct {
    enum san_kind kind;
    const char *text;
    enum finding finding;
} rows[] = {
    {SAN_DNS, "www.example.org", NONE},
    {SAN_DNS, "", NONE},
    {SAN_DNS, "a.b.c.d.", NONE},
    {SAN_DNS, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org", NONE},
    {SAN_DNS, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org", FINDING_DNS_LONG},
    {SAN_DNS, "org.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", FINDING_DNS_LONG},
    {SAN_URI, "https://example.org/a?b#c", NONE},
    {SAN_URI, "urn:uuid:1", NONE},
    {SAN_URI, "a+b-c.1:", NONE},
    {SAN_URI, "ldap:///CN=x?y", NONE},
    {SAN_URI, "", FINDING_URI_FORM},
    {SAN_URI, ":", FINDING_URI_FORM},
    {SAN_URI, "example.org", FINDING_URI_FORM},
    {SAN_URI, "1http://example.org", FINDING_URI_FORM},
    {SAN_URI, "http://example.org/a b", FINDING_URI_FORM},
    {SAN_URI, "http://ex\xc3\xa4mple.org", FINDING_URI_FORM},
    {SAN_URI, "http://example.org\n", FINDING_URI_FORM},
    {SAN_EMAIL, "a@example.org", NONE},
    {SAN_EMAIL, "\"a@b\"@example.org", NONE},
    {SAN_EMAIL, "\"a b\"@example.org", NONE},
    {SAN_EMAIL, "", FINDING_EMAIL_FORM},
    {SAN_EMAIL, "@", FINDING_EMAIL_FORM},
    {SAN_EMAIL, "a@", FINDING_EMAIL_FORM},
    {SAN_EMAIL, "@example.org", FINDING_EMAIL_FORM},
    {SAN_EMAIL, "a\n@example.org", FINDING_EMAIL_FORM},
    {SAN_EMAIL, "\xc3\xa4@example.org", FINDING_EMAIL_FORM},
    {SAN_IP, "1234", NONE},
    {SAN_OTHER_NAME, "\xff", NONE},
};

static void every_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct san_item item = {.kind = rows[i].kind, .value = span_str(rows[i].text)};
        struct finding_set findings = {{0, 0}};
        struct finding_set want = {{0, 0}};
        if (rows[i].finding != NONE)
            finding_add(&want, rows[i].finding);
        lintname_general(&item, &findings);
        if (memcmp(&findings, &want, sizeof want) != 0)
            fail_msg("row %zu: %s", i, rows[i].text);
    }
}

static void the_longest_name(void **state)
{
    char text[256];
    struct san_item item = {.kind = SAN_DNS, .value = span_of(text, 253)};
    struct finding_set findings = {{0, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 50 == 49 ? '.' : 'a';
    lintname_general(&item, &findings);
    assert_true(finding_none(&findings));
    text[253] = '.';
    item.value.len = 254;
    lintname_general(&item, &findings);
    assert_true(finding_none(&findings));
    text[253] = 'a';
    lintname_general(&item, &findings);
    assert_true(finding_has(&findings, FINDING_DNS_LONG));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_name), cmocka_unit_test(the_longest_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
