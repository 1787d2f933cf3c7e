/* Files of one's own: what is found in them, and what is passed over. */
#include "cli/ownfiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/dns.h"
#include "base/limits.h"
#include "base/text.h"
#include "tests/fixture/cacert.h"
#include "tests/unit/sample.h"

static char dir[] = "/tmp/ctvigil-own-XXXXXX";
static char seen[8192];

static void on_item(void *arg, const struct ownfiles_item *item)
{
    static const char *const kinds[] = {"cert", "csr", "key"};
    size_t len = strlen(seen);
    (void)arg;
    (void)snprintf(seen + len, sizeof seen - len, "%s:%s%s ", strrchr(item->file, '/') + 1, kinds[item->kind],
                   item->is_ca ? "(ca)" : "");
}

static void on_odd(void *arg, const char *file, const char *what)
{
    size_t len = strlen(seen);
    (void)arg;
    (void)snprintf(seen + len, sizeof seen - len, "%s!%s ", strrchr(file, '/') + 1, what);
}

static void put(const char *name, const void *bytes, size_t len)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

static void found(const char *name, enum err_code code, const char *expected)
{
    char path[128];
    struct ownfiles files = {.each = on_item, .odd = on_odd};
    struct err why = {0};
    seen[0] = '\0';
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(ownfiles_read(&files, path, &why), code);
    assert_string_equal(seen, expected);
}

static void pem_of(const char *label, struct span der, char out[8192])
{
    char base64[8000];
    assert_true(der.len < 5000);
    (void)text_base64(der, base64);
    (void)snprintf(out, 8192, "words\n-----BEGIN %s-----\n%s\n-----END %s-----\n", label, base64, label);
}

static void forms(void **state)
{
    struct cacert ca;
    EVP_PKEY *key = cacert_key();
    EVP_PKEY *root = cacert_key();
    const struct cacert_order ca_order = {"Root", root, "Root", root, .serial = 1};
    struct span ca_der = cacert_make(&ca_order, &ca);
    struct span csr = sample_load("csr/names.der");
    struct span leaf = sample_load("tbs/plain.der");
    unsigned char *secret = NULL;
    int secret_len = i2d_PrivateKey(key, &secret);
    char pem[3][8192];
    char all[3 * 8192];
    (void)state;
    put("leaf.der", leaf.at, leaf.len);
    put("req.der", csr.at, csr.len);
    put("key.der", secret, (size_t)secret_len);
    pem_of("CERTIFICATE", leaf, pem[0]);
    pem_of("CERTIFICATE", ca_der, pem[1]);
    pem_of("PRIVATE KEY", span_of(secret, (size_t)secret_len), pem[2]);
    (void)snprintf(all, sizeof all, "%s%s%s", pem[0], pem[1], pem[2]);
    put_text("full.pem", all);
    put_text("ca.pem", pem[1]);
    found("leaf.der", ERR_OK, "leaf.der:cert ");
    found("req.der", ERR_OK, "req.der:csr ");
    found("key.der", ERR_OK, "key.der:key ");
    /* A chain behind a certificate is nobody's business; one alone is told. */
    found("full.pem", ERR_OK, "full.pem:cert full.pem:key ");
    found("ca.pem", ERR_OK, "ca.pem:cert(ca) ");
    OPENSSL_free(secret);
    EVP_PKEY_free(key);
    EVP_PKEY_free(root);
    sample_free(csr);
    sample_free(leaf);
}

static void of_no_use(void **state)
{
    static char large[LIMIT_OWN_FILE + 1];
    char path[128];
    (void)state;
    put_text("words", "nothing here");
    put_text("empty", "");
    put_text("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    put_text("locked.pem",
             "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    put_text("secret.yaml", "kind: Secret\ndata:\n  tls.crt: '*'\n");
    put("large", large, sizeof large);
    found("words", ERR_OK, "words!no certificate, request or key in it ");
    found("empty", ERR_OK, "empty!no certificate, request or key in it ");
    found("bad.pem", ERR_OK, "bad.pem!a certificate that can not be read ");
    found("locked.pem", ERR_OK,
          "locked.pem!an encrypted private key: its certificate or request says the same ");
    found("secret.yaml", ERR_OK, "secret.yaml!line 3: tls.crt is not base64 ");
    found("large", ERR_OK, "large!larger than 4 MB ");
    found("missing", ERR_USAGE, "");
    (void)snprintf(path, sizeof path, "%s/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    found("pipe", ERR_USAGE, "");
    assert_int_equal(unlink(path), 0);
}

/* A folder is gone through by name; what leads in a circle is not followed, and hidden files are not read. */
static void folders(void **state)
{
    struct span leaf = sample_load("tbs/plain.der");
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/tree", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/tree/b", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/tree/b/circle", dir);
    assert_int_equal(symlink("..", path), 0);
    (void)snprintf(path, sizeof path, "%s/tree/a.der", dir);
    assert_int_equal(symlink("b/c.der", path), 0);
    (void)snprintf(path, sizeof path, "%s/tree/lost", dir);
    assert_int_equal(symlink("nowhere", path), 0);
    put("tree/b/c.der", leaf.at, leaf.len);
    put("tree/.hidden.der", leaf.at, leaf.len);
    put_text("tree/readme", "words");
    found("tree", ERR_OK, "a.der:cert c.der:cert ");
    sample_free(leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms), cmocka_unit_test(of_no_use),
                                       cmocka_unit_test(folders)};
    char command[64];
    must(mkdtemp(dir) != NULL && dns_psl_load(SPAN_LIT("example\n"), NULL) == ERR_OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) != 0 || failed;
}
