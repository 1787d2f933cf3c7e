/* Who is meant by --issuer, in the forms of other commands: without a database, what the program was born
 * with counts. */
#include "cli/searchissuer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "cli/caafind.h"
#include "parser/tbs.h"
#include "tests/unit/sample.h"
#include "verify/digest.h"

static struct query asked(const char *issuer)
{
    struct query query;
    assert_int_equal(query_parse("example.com", &query, NULL), ERR_OK);
    assert_int_equal(query_parse_issuer(issuer, &query, NULL), ERR_OK);
    return query;
}

static void a_certificate_is_its_key(void **state)
{
    char path[] = "/tmp/ctvigil-searchissuer-XXXXXX";
    struct span der = sample_load("tbs/plain.der");
    struct err warning = {0};
    struct cert cert;
    uint8_t hash[32];
    char hex[65];
    char given[64];
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, der.at, der.len), der.len);
    (void)close(fd);
    assert_true(tbs_read_certificate(der, &cert));
    digest_sha256(cert.spki, hash);
    (void)snprintf(given, sizeof given, "cert:%s", path);
    struct query query = asked(given);
    assert_int_equal(searchissuer_read(&query, &warning, NULL), ERR_OK);
    assert_string_equal(query.issuer, text_hex(span_of(hash, 32), hex));
    assert_int_equal(warning.code != ERR_OK, (cert.flags & CERT_IS_CA) == 0);
    (void)unlink(path);
    sample_free(der);
}

static void other_forms_are_left_alone(void **state)
{
    static const char *const rows[] = {"7", "CN=CA", "ca:Amazon", "letsencrypt.org", "xcert:/tmp"};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct query query = asked(rows[i]);
        assert_int_equal(searchissuer_read(&query, NULL, NULL), ERR_OK);
        assert_string_equal(query.issuer, rows[i]);
    }
    static const char *const refused[] = {"cert:", "cert:/no/such/file", "cert:/tmp"};
    for (size_t i = 0; i < countof(refused); i++) {
        struct query query = asked(refused[i]);
        struct err why = {0};
        assert_int_equal(searchissuer_read(&query, NULL, &why), ERR_USAGE);
        assert_true(why.text[0] != '\0');
    }
}

static void names_stand_for_keys(void **state)
{
    static const struct {
        const char *given;
        bool keys;
        bool by_key;
    } rows[] = {{"ca:Amazon", true, true},        {"ca: AMAZON ", true, true},
                {"letsencrypt.org", true, false}, {"Some Company Inc.", false, false},
                {"CN=CA", false, false},          {"7", false, false}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct searchissuer issuer = {0};
        struct query query = asked(rows[i].given);
        struct err warning = {0};
        struct err why = {0};
        if (searchissuer_find(&issuer, &query, &warning, &why) != ERR_OK)
            fail_msg("%s: %s", rows[i].given, why.text);
        if ((query.issuer_key_count != 0) != rows[i].keys || query.issuer_by_key != rows[i].by_key)
            fail_msg("%s: %zu keys", rows[i].given, query.issuer_key_count);
        assert_int_equal(query.issuer_key_count, issuer.count);
        assert_ptr_equal(query.issuer_keys, issuer.keys);
        for (size_t k = 1; k < issuer.count; k++)
            assert_memory_not_equal(issuer.keys[k - 1], issuer.keys[k], 32);
        searchissuer_free(&issuer);
        assert_int_equal(issuer.count, 0);
    }
}

/* A part of a name that nobody has is no error; an owner whom nobody knows is one. */
static void an_owner_that_is_not_known_is_refused(void **state)
{
    static const char *const rows[] = {"ca:Amazn", "ca:", "ca:..", "ca:Nobody At All"};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct searchissuer issuer = {0};
        struct query query = asked(rows[i]);
        struct err warning = {0};
        struct err why = {0};
        assert_int_equal(searchissuer_find(&issuer, &query, &warning, &why), ERR_USAGE);
        assert_non_null(strstr(why.text, "without ca:"));
        assert_int_equal(issuer.count, 0);
        searchissuer_free(&issuer);
    }
}

static int forget(void **state)
{
    (void)state;
    caafind_forget();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_its_key),
        cmocka_unit_test(other_forms_are_left_alone),
        cmocka_unit_test(names_stand_for_keys),
        cmocka_unit_test(an_owner_that_is_not_known_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
