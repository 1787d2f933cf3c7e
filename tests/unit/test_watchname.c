/* Names of registered domains as people type them: to the one form that is stored, or refused with what to
 * write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/watchname.h"

static void taken(void **state)
{
    static const struct {
        const char *typed;
        const char *name;
        enum watch_kind kind;
    } table[] = {
        {"example.com", "example.com", WATCH_DNS},
        {".example.com", "example.com", WATCH_DNS},
        {"EXAMPLE.Com.", "example.com", WATCH_DNS},
        {"b\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example", WATCH_DNS},
        {"_dmarc.example.com", "_dmarc.example.com", WATCH_DNS},
        {"1.2.3.example", "1.2.3.example", WATCH_DNS},
        {"com", "com", WATCH_DNS},
        {"192.0.2.7", "192.0.2.7", WATCH_IP},
        {"192.0.2.7/32", "192.0.2.7", WATCH_IP},
        {"10.0.0.0/8", "10.0.0.0/8", WATCH_IP},
        {"2001:DB8:0::/32", "2001:db8::/32", WATCH_IP},
        {"::", "::", WATCH_IP},
        {"0.0.0.0/0", "0.0.0.0/0", WATCH_IP},
        {"email:Bob@EXAMPLE.com", "email:bob@example.com", WATCH_EMAIL},
        {"email:@example.com", "email:example.com", WATCH_EMAIL},
        {"email:example.com", "email:example.com", WATCH_EMAIL},
        {"uri:example.com", "uri:example.com", WATCH_URI},
        {"uri:spiffe://TD.example/", "uri:td.example", WATCH_URI},
        {"uri:spiffe://td.example/ns/Web", "uri:spiffe://td.example/ns/web", WATCH_URI},
        {"spki:00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff",
         "spki:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", WATCH_SPKI},
        {"org: Example   Ltd ", "org:example ltd", WATCH_ORG},
    };

    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        struct watch watch = {0};
        struct err why = {0};
        char name[DNS_TEXT_MAX];
        if (watchname_read(table[i].typed, &watch, name, &why) != ERR_OK)
            fail_msg("%s: %s", table[i].typed, why.text);
        assert_string_equal(name, table[i].name);
        assert_int_equal(watch.kind, table[i].kind);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *typed;
        const char *part;
    } table[] = {
        {"", "the domain is empty"},
        {".", "the domain is empty"},
        {" ", "the domain is empty"},
        {"email:", "an address such as"},
        {"email:bob@", "an address such as"},
        {"uri:", "a host, or a whole URI"},
        {"uri:a/b", "a host, or a whole URI"},
        {"spki:00", "64 hex digits"},
        {"org:  ", "an organisation of"},
        {"1.2.3.400", "'1.2.3.400' is not an IP address or CIDR"},
        {"127.1", "is not an IP address or CIDR"},
        {"127", "is not an IP address or CIDR"},
        {"0x7f.1", "is not an IP address or CIDR"},
        {"1.2.3.0x4", "is not an IP address or CIDR"},
        {"1.2.3.4.", "is not an IP address or CIDR"},
        {"10.0.0.0/33", "is not an IP address or CIDR"},
        {"10.0.0.0/", "is not an IP address or CIDR"},
        {"10.0.0.0/-1", "is not an IP address or CIDR"},
        {"2001:db8::/129", "is not an IP address or CIDR"},
        {"::ffff:1.2.3.4.5", "is not an IP address or CIDR"},
        {"10.0.0.1/8", "the network is 10.0.0.0/8, the address alone 10.0.0.1"},
        {"2001:db8::1/32", "the network is 2001:db8::/32"},
        {"https://www.example.com/x?y", "give the host name only: www.example.com"},
        {"https://user@www.example.com:8443", "give the host name only: www.example.com"},
        {"https://[2001:db8::1]:8443/", "give the host name only: 2001:db8::1"},
        {"www.example.com:443", "give the host name only: www.example.com"},
        {"www.example.com/", "give the host name only: www.example.com"},
        {"admin@example.com", "give the host name only: example.com; or write email:admin@example.com"},
        {"spiffe://prod.example.org/web",
         "only: prod.example.org; or write uri:spiffe://prod.example.org/web"},
        {"192.0.2.7:443", "give the host name only: 192.0.2.7"},
        {"*.example.com", "without '*'"},
        {"a..b", "a label is empty"},
        {"..example.com", "begins with a dot"},
        {"a b", "not a DNS name"},
        {"\xff.example", "it is not UTF-8"},
        {"a\x1b[31m.example", "a\\x1b[31m.example"},
    };

    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        struct watch watch = {0};
        struct err why = {0};
        char name[DNS_TEXT_MAX];
        if (watchname_read(table[i].typed, &watch, name, &why) != ERR_USAGE ||
            strstr(why.text, table[i].part) == NULL)
            fail_msg("%s: wanted \"%s\", got \"%s\"", table[i].typed, table[i].part, why.text);
        assert_int_equal(err_class(why.code), ERR_CLASS_USAGE);
    }
}

static void warnings(void **state)
{
    static const struct {
        const char *typed;
        bool exact;
        const char *says; /* NULL: nothing */
    } table[] = {
        {"com", false, "single label"},
        {"localhost", false, "single label"},
        {"co.uk", false, "everybody"},
        {"com", true, NULL},
        {"localhost", true, NULL},
        {"example.com", false, NULL},
        {"0.0.0.0/0", false, "every address"},
        {"::/0", false, "every address"},
        {"10.0.0.0/8", false, NULL},
        {"192.0.2.1", false, NULL},
    };

    (void)state;
    assert_int_equal(dns_psl_load(SPAN_LIT("com\nuk\nco.uk\n"), NULL), ERR_OK);
    for (size_t i = 0; i < countof(table); i++) {
        struct watch watch = {.exact = table[i].exact};
        char name[DNS_TEXT_MAX];
        assert_int_equal(watchname_read(table[i].typed, &watch, name, NULL), ERR_OK);
        const char *says = watchname_warning(&watch, name);
        if (table[i].says == NULL ? says != NULL : says == NULL || strstr(says, table[i].says) == NULL)
            fail_msg("%s: %s", table[i].typed, says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),
        cmocka_unit_test(refused),
        cmocka_unit_test(warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
