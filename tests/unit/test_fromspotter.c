/* A state directory of certspotter, and what others put into one. */
#include "cli/fromspotter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/dns.h"
#include "base/text.h"
#include "tests/fixture/cacert.h"

static char dir[] = "/tmp/ctvigil-spotter-XXXXXX";
static char seen[8192];

static enum err_code on_known(void *arg, const struct db_known *known, struct err *why)
{
    size_t len = strlen(seen);
    (void)arg;
    (void)why;
    len += (size_t)snprintf(seen + len, sizeof seen - len, "%.4s %s%s%s%s%s %s", known->ref,
                            known->accepted ? "told " : "", known->issuer_spki.at != NULL ? "issuer " : "",
                            known->spki_sha256.at != NULL ? "key " : "",
                            known->tbs_fp.at != NULL ? "tbs " : "", known->key_type, known->issuer);
    for (size_t i = 0; i < known->names.count && len < sizeof seen; i++)
        len += (size_t)snprintf(seen + len, sizeof seen - len, ",%s", known->names.at[i]);
    (void)snprintf(seen + len, sizeof seen - len, ";");
    return ERR_OK;
}

static void put(const char *name, const char *text)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct fromspotter read_dir(const char *path, enum err_code expected)
{
    struct fromspotter reading = {.each = on_known};
    struct err why = {0};
    seen[0] = '\0';
    enum err_code code = fromspotter_read(path, &reading, &why);
    if (code != expected)
        fail_msg("%s: %s", path, why.text);
    return reading;
}

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C64  "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define WHEN "\"not_before\":\"2026-01-01T00:00:00Z\",\"not_after\":\"2026-03-01T00:00:00Z\""

static void what_json_says(void **state)
{
    char path[300];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/certs", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/certs/aa", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    put("certs/aa/" A64 ".v1.json", "{\"tbs_sha256\":\"" B64 "\",\"pubkey_sha256\":\"" C64
                                    "\",\"dns_names\":[\"A.example\",\"*.b.example\",7,\"..\"],"
                                    "\"ip_addresses\":[\"192.0.2.1\",\"::1\"]," WHEN "}");
    (void)read_dir(dir, ERR_OK);
    assert_string_equal(seen, "bbbb key tbs  ,a.example,*.b.example,192.0.2.1,::1;");
    /* A mark by the hash of the certificate, or of what precertificate and certificate share. */
    put("certs/aa/." B64 ".notified", "");
    (void)read_dir(dir, ERR_OK);
    assert_string_equal(seen, "bbbb told key tbs  ,a.example,*.b.example,192.0.2.1,::1;");
    /* The folder itself will do. */
    (void)snprintf(path, sizeof path, "%s/certs", dir);
    (void)read_dir(path, ERR_OK);
    assert_true(strncmp(seen, "bbbb told", 9) == 0);
}

static void what_can_not_be_read(void **state)
{
    (void)state;
    put("certs/aa/" B64 ".v1.json", "{");
    put("certs/aa/" C64 ".v1.json", "{\"tbs_sha256\":\"zz\"," WHEN "}");
    put("certs/aa/" C64 ".pem", "nothing");
    put("certs/aa/short.pem", "nothing");
    struct fromspotter reading = read_dir(dir, ERR_OK);
    assert_int_equal(reading.passed, 2); /* the JSON beside a .pem is not asked */
    assert_non_null(strstr(reading.first, C64 ".pem: no certificate"));
    assert_true(strncmp(seen, "bbbb told", 9) == 0 && strchr(seen, ';') == seen + strlen(seen) - 1);
    (void)read_dir("/no/such/folder", ERR_USAGE);
    (void)read_dir("/tmp", ERR_USAGE);
}

/* A certificate with its chain says more. */
static void what_pem_says(void **state)
{
    EVP_PKEY *key = cacert_key();
    EVP_PKEY *root = cacert_key();
    const struct cacert_order root_order = {"Root", root, "Root", root, .serial = 1};
    const struct cacert_order leaf_order = {"leaf.example", key, "Root", root, .serial = 2};
    struct cacert made[2];
    struct span ders[2] = {cacert_make(&leaf_order, &made[0]), cacert_make(&root_order, &made[1])};
    char text[8192] = "";
    (void)state;
    for (int i = 0; i < 2; i++) {
        char base64[3000];
        size_t len = strlen(text);
        (void)text_base64(ders[i], base64);
        (void)snprintf(text + len, sizeof text - len,
                       "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n", base64);
    }
    put("certs/aa/" C64 ".pem", text);
    put("certs/aa/." C64 ".notified", "");
    struct fromspotter reading = read_dir(dir, ERR_OK);
    assert_int_equal(reading.passed, 1);
    assert_non_null(strstr(seen, "issuer key tbs ec-p256 CN=Root"));
    assert_non_null(strstr(seen, ",leaf.example;"));
    EVP_PKEY_free(key);
    EVP_PKEY_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_json_says),
                                       cmocka_unit_test(what_can_not_be_read),
                                       cmocka_unit_test(what_pem_says)};
    char command[64];
    must(mkdtemp(dir) != NULL && dns_psl_load(SPAN_LIT("example\n"), NULL) == ERR_OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) != 0 || failed;
}
