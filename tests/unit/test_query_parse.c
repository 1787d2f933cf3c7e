/* What is typed as a search, at the edges: the longest that is taken, the first that is not, and what stands
 * between two readings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/text.h"
#include "db/query.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeFF"

static void must_be(const char *typed, enum query_kind kind, const char *text)
{
    struct query query;
    struct err why = {0};
    if (query_parse(typed, &query, &why) != ERR_OK)
        fail_msg("%.80s: %s", typed, why.text);
    assert_int_equal(query.kind, kind);
    assert_string_equal(query.text, text);
}

static void must_be_refused(const char *typed, const char *says)
{
    struct query query;
    struct err why = {0};
    if (query_parse(typed, &query, &why) == ERR_OK)
        fail_msg("taken: %.80s", typed);
    if (strstr(why.text, says) == NULL)
        fail_msg("%.80s: %s", typed, why.text);
}

/* What is typed is taken for a domain, and is none. */
static void must_be_no_domain(const char *typed)
{
    struct query query;
    struct err why = {0};
    assert_int_not_equal(query_parse(typed, &query, &why), ERR_OK);
    assert_null(strstr(why.text, "no kind of search"));
}

/* FRONT, and so many letters. */
static const char *long_words(const char *front, char letter, size_t count)
{
    static char text[3 * QUERY_SERIAL_MAX];
    size_t len = strlen(front);
    assert_true(len + count < sizeof text);
    memcpy(text, front, len);
    memset(text + len, letter, count);
    text[len + count] = '\0';
    return text;
}

static void lengths(void **state)
{
    static const struct {
        const char *front;
        char letter;
        size_t most;
    } rows[] = {{"cn:", 'x', 400},
                {"org:", 'x', QUERY_TEXT_MAX},
                {"text:", 'x', QUERY_TEXT_MAX},
                {"uri:spiffe://", 'x', QUERY_TEXT_MAX - 9},
                {"issuer:", 'x', QUERY_TEXT_MAX},
                {"ca:", 'x', QUERY_TEXT_MAX},
                {"serial:", '1', 2 * QUERY_SERIAL_MAX - 3}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct query query;
        if (query_parse(long_words(rows[i].front, rows[i].letter, rows[i].most), &query, NULL) != ERR_OK)
            fail_msg("%s: %zu are not taken", rows[i].front, rows[i].most);
        assert_int_equal(
            query_parse(long_words(rows[i].front, rows[i].letter, rows[i].most + 1), &query, NULL),
            ERR_USAGE);
    }
}

static void serials(void **state)
{
    static char zeros[2 * QUERY_SERIAL_MAX + 1000] = "serial:";
    struct query query;
    (void)state;
    memset(zeros + 7, '0', sizeof zeros - 9);
    zeros[sizeof zeros - 2] = '1';
    assert_int_equal(query_parse(zeros, &query, NULL), ERR_OK);
    assert_int_equal(query.len, 1);
    assert_int_equal(query.bytes[0], 1);
    must_be_refused("serial::01", "serial number");
    must_be_refused("serial:-:1", "serial number");
}

static void hashes(void **state)
{
    (void)state;
    must_be("" HEX64, QUERY_HASH, "");
    must_be("spki:" HEX64, QUERY_SPKI, "");
    must_be_refused("spki:" HEX64 "00", "64 hex digits");
    must_be_refused("fp:0" HEX64, "64 hex digits");
    /* So long is a name, too. */
    must_be("zz112233445566778899aabbccddeeff.0112233445566778899aabbccddeeff", QUERY_SUB,
            "zz112233445566778899aabbccddeeff.0112233445566778899aabbccddeeff");
}

static void addresses(void **state)
{
    (void)state;
    must_be("ip:0000:0000:0000:0000:0000:ffff:192.100.100.100", QUERY_IP, "192.100.100.100");
    must_be("ip:10.0.0.0/31", QUERY_IP, "10.0.0.0/31");
    must_be("ip:2001:db8::/127", QUERY_IP, "2001:db8::/127");
    must_be("ip:::ffff:10.0.0.0/127", QUERY_IP, "10.0.0.0/31");
    must_be("ip:::ffff:0:0/95", QUERY_IP, "::ffff:0.0.0.0/95");
    must_be("abcd::1", QUERY_IP, "abcd::1");
    must_be_refused("ip:", "IP address");
    must_be_refused("ip:/8", "IP address");
    must_be_refused("ip:0000:0000:0000:0000:0000:ffff:192.100.100.1000", "IP address");
}

static void domains(void **state)
{
    struct query query;
    (void)state;
    must_be("wildcard:.example.com", QUERY_WILDCARD, "example.com");
    must_be(".example.com", QUERY_SUB, "example.com");
    must_be_refused("name:.example.com", "");
    must_be_refused("host:.example.com", "");
    must_be_refused("example:443", "example:443");
    must_be_refused("https://joe@example.com", "");
    must_be_refused("frob:x", "no kind of search");
    must_be_no_domain("https://example.com/");
    must_be_no_domain("example:443");
    must_be_no_domain(":x");
    must_be_refused("1:b@example.com", "");
    must_be_refused("\xff", "not UTF-8");
    assert_int_equal(query_parse("example.com", &query, NULL), ERR_OK);
    assert_int_equal(query.limit, 100);
    assert_true(query.since_ms == QUERY_NO_TIME && query.until_ms == QUERY_NO_TIME &&
                query.seen_since_ms == QUERY_NO_TIME && !query.has_after);
}

static void hosts_of_addresses(void **state)
{
    (void)state;
    must_be("email:x@y@EXAMPLE.com", QUERY_EMAIL, "x@y@example.com");
    must_be("email:@EXAMPLE.com", QUERY_EMAIL, "example.com");
    must_be_refused("email:@a b", "email:");
    must_be("uri:EXAMPLE.com", QUERY_URI, "example.com");
    must_be("uri:EXAMPLE.com:80", QUERY_URI, "EXAMPLE.com:80");
    must_be("uri:Joe@EXAMPLE.com", QUERY_URI, "Joe@EXAMPLE.com");
}

static void issuers(void **state)
{
    static const char *const refused[] = {
        "",
        "\xff",
        "CN=\xc3",
        "spki:",
        "spki:0011",
        "spki:" HEX64 "00",
        "spki:zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"};
    struct query query;
    (void)state;
    assert_int_equal(query_parse("example.com", &query, NULL), ERR_OK);
    assert_int_equal(query_parse_issuer("spki:" HEX64, &query, NULL), ERR_OK);
    assert_string_equal(query.issuer, HEX64);
    assert_int_equal(query_parse_issuer("ca:Amazon", &query, NULL), ERR_OK);
    assert_string_equal(query.issuer, "ca:Amazon");
    for (size_t i = 0; i < countof(refused); i++) {
        struct err why = {0};
        assert_int_equal(query_parse_issuer(refused[i], &query, &why), ERR_USAGE);
        assert_true(why.text[0] != '\0');
    }
    assert_int_equal(query_parse("issuer:spki:" HEX64, &query, NULL), ERR_OK);
    assert_string_equal(query.issuer, HEX64);
    assert_int_equal(query.kind, QUERY_ISSUER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),   cmocka_unit_test(serials), cmocka_unit_test(hashes),
        cmocka_unit_test(addresses), cmocka_unit_test(domains), cmocka_unit_test(hosts_of_addresses),
        cmocka_unit_test(issuers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
