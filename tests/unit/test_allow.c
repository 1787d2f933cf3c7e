/* What a user names as an allowed CA becomes the hash of a key, or a sentence. */
#include "cli/allow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/caafind.h"
#include "parser/tbs.h"
#include "tests/unit/sample.h"
#include "verify/digest.h"

#define SPKI "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeFF"

static char path[] = "/tmp/ctvigil-allow-XXXXXX";

static void write_file(struct span bytes, size_t times)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < times; i++)
        assert_int_equal(fwrite(bytes.at, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static enum err_code parse(const char *given, struct watch_allow *allow, struct err *warning, struct err *why)
{
    *allow = (struct watch_allow){0};
    err_clear(warning);
    err_clear(why);
    return allow_parse(given, allow, warning, why);
}

static void refused_with_a_sentence(void **state)
{
    static const struct {
        const char *given;
        enum err_code code;
        const char *says;
    } rows[] = {
        {"spki:", ERR_USAGE, "64 hex digits"},
        {"spki:0011", ERR_USAGE, "64 hex digits"},
        {"spki:" SPKI "00", ERR_USAGE, "64 hex digits"},
        {"spki:zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", ERR_USAGE, "64 hex digits"},
        {"cert:", ERR_USAGE, "names no file"},
        {"cert:/no/such/file", ERR_USAGE, "No such file"},
        {"cert:/etc/passwd", ERR_USAGE, "no certificate that can be read"},
        {"cert:/tmp", ERR_USAGE, "can not be read"},
        {"ca:Some CA", ERR_USAGE, "neither spki:HEX nor cert:FILE"},
        {"letsencrypt.org", ERR_USAGE, "neither spki:HEX nor cert:FILE"},
        {"letsencrypt", ERR_USAGE, "neither spki:HEX nor cert:FILE"},
        {"", ERR_USAGE, "neither"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watch_allow allow;
        struct err warning = {0};
        struct err why = {0};
        assert_int_equal(parse(rows[i].given, &allow, &warning, &why), rows[i].code);
        if (strstr(why.text, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].given, why.text);
        assert_null(allow.label);
    }
}

static void a_key(void **state)
{
    struct watch_allow allow;
    struct err warning = {0};
    struct err why = {0};
    char hex[65];
    (void)state;
    assert_int_equal(parse("spki:" SPKI, &allow, &warning, &why), ERR_OK);
    assert_string_equal(text_hex(span_of(allow.spki_sha256, 32), hex),
                        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    assert_string_equal(allow.label, "spki:" SPKI);
    assert_int_equal(warning.code, ERR_OK);
    free(allow.label);
}

static void check_cert(const char *given, const uint8_t expected[32], const char *warns)
{
    struct watch_allow allow;
    struct err warning = {0};
    struct err why = {0};
    if (parse(given, &allow, &warning, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_memory_equal(allow.spki_sha256, expected, 32);
    assert_string_equal(allow.label, given);
    assert_true((warns == NULL) == (warning.code == ERR_OK));
    if (warns != NULL && strstr(warning.text, warns) == NULL)
        fail_msg("%s", warning.text);
    free(allow.label);
}

/* DER and PEM of a certificate that is no CA's: it is taken, and it is said that its key signs nothing. */
static void a_certificate(void **state)
{
    struct span der = sample_load("tbs/plain.der");
    struct cert cert;
    uint8_t expected[32];
    char given[64];
    char *base64 = malloc(2 * der.len + 8);
    char *pem = malloc(3 * der.len + 256);
    (void)state;
    assert_true(base64 != NULL && pem != NULL);
    assert_true(tbs_read_certificate(der, &cert));
    digest_sha256(cert.spki, expected);
    (void)snprintf(given, sizeof given, "cert:%s", path);
    write_file(der, 1);
    check_cert(given, expected, (cert.flags & CERT_IS_CA) != 0 ? NULL : "not the certificate of a CA");
    (void)text_base64(der, base64);
    int len =
        snprintf(pem, 3 * der.len + 256,
                 "some words\n-----BEGIN X-----\nAAAA\n-----END X-----\n-----BEGIN CERTIFICATE-----\n%s\n"
                 "-----END CERTIFICATE-----\n",
                 base64);
    write_file(span_of(pem, (size_t)len), 2);
    check_cert(given, expected,
               (cert.flags & CERT_IS_CA) != 0 ? "more than one" : "not the certificate of a CA");
    free(base64);
    free(pem);
    sample_free(der);
}

static void on_key(void *arg, const struct watch_allow *allow)
{
    size_t *count = arg;
    assert_true(strchr(allow->label, 'X') == NULL && strlen(allow->label) > 3);
    ++*count;
}

/* Names of CAs stand for their keys, also without a database; others for nothing, and it is said what may be
 * meant. */
static void names_of_cas(void **state)
{
    static const struct {
        const char *given;
        size_t least;
        const char *says; /* NULL: it is good */
    } rows[] = {
        {"letsencrypt.org", 10, NULL},
        {"LetsEncrypt.org.", 10, NULL},
        {"ca:Let's Encrypt", 10, NULL},
        {"ca:DIGICERT INC", 10, NULL},
        {"spki:" SPKI, 1, NULL},
        {"letsencrypt", 0, "did you mean 'letsencrypt.org'?"},
        {"letsencrypr.org", 0, "did you mean 'letsencrypt.org'?"},
        {"ca:Sectogo", 0, "did you mean 'ca:Sectigo'?"},
        {"ca:Nobody At All", 0, "trust import"},
        {"ca:", 0, "names no CA"},
        {"", 0, "names no CA"},
        {"\x1b[31m.example", 0, "'\\x1b[31m.example'"},
        {"cert:/no/such/file", 0, "No such file"},
    };
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < countof(rows); i++) {
            struct err warning = {0};
            struct err why = {0};
            size_t count = 0;
            enum err_code code = allow_resolve(rows[i].given, on_key, &count, &warning, &why);
            assert_true(rows[i].says == NULL ? count >= rows[i].least : count == 0);
            if ((code == ERR_OK) != (rows[i].says == NULL) ||
                (code != ERR_OK && strstr(why.text, rows[i].says) == NULL))
                fail_msg("%s: %s", rows[i].given, why.text);
        }
    }
    struct err warning = {0};
    struct err why = {0};
    size_t count = 0;
    assert_int_equal(allow_resolve("amazon.com", on_key, &count, &warning, &why), ERR_OK);
    assert_non_null(strstr(warning.text, "several owners: Amazon, DigiCert"));
    caafind_forget();
}

static void too_large(void **state)
{
    static uint8_t zeros[LIMIT_ISSUER_BYTES];
    struct watch_allow allow;
    struct err warning = {0};
    struct err why = {0};
    char given[64];
    (void)state;
    (void)snprintf(given, sizeof given, "cert:%s", path);
    write_file(span_of(zeros, sizeof zeros), 2);
    assert_int_equal(parse(given, &allow, &warning, &why), ERR_USAGE);
    assert_non_null(strstr(why.text, "larger than"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(refused_with_a_sentence), cmocka_unit_test(a_key),
                                       cmocka_unit_test(a_certificate), cmocka_unit_test(names_of_cas),
                                       cmocka_unit_test(too_large)};
    int fd = mkstemp(path);
    must(fd >= 0);
    (void)close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
