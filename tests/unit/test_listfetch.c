/* Where a list comes from, and when it is not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ingest/listfetch.h"
#include "signer.h"

static char dir[64];

static const char *path_of(const char *name)
{
    static char path[8][128];
    static size_t next;
    char *out = path[next++ % countof(path)];
    (void)snprintf(out, sizeof path[0], "%s/%s", dir, name);
    return out;
}

static void put(const char *name, struct span bytes)
{
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static void sources(void **state)
{
    static const struct {
        const char *named, *place, *signature;
        enum err_code code;
        bool file, is_signed;
    } rows[] = {
        {"google", "https://www.gstatic.com/ct/log_list/v3/log_list.json",
         "https://www.gstatic.com/ct/log_list/v3/log_list.sig", ERR_OK, false, true},
        {"google-all", "https://www.gstatic.com/ct/log_list/v3/all_logs_list.json",
         "https://www.gstatic.com/ct/log_list/v3/all_logs_list.sig", ERR_OK, false, true},
        {"https://www.gstatic.com/ct/log_list/v3/log_list.json",
         "https://www.gstatic.com/ct/log_list/v3/log_list.json",
         "https://www.gstatic.com/ct/log_list/v3/log_list.sig", ERR_OK, false, true},
        {"apple", "https://valid.apple.com/ct/log_list/current_log_list.json",
         "https://valid.apple.com/ct/log_list/current_log_list.sig", ERR_OK, false, false},
        {"https://lists.net/mine", "https://lists.net/mine", "https://lists.net/mine.sig", ERR_OK, false,
         false},
        {"/etc/ctvigil/logs.json", "/etc/ctvigil/logs.json", "/etc/ctvigil/logs.sig", ERR_OK, true, false},
        {"http://127.0.0.1:1/a.json", "http://127.0.0.1:1/a.json", "http://127.0.0.1:1/a.sig", ERR_OK, false,
         false},
        {"http://lists.net/mine", NULL, NULL, ERR_CONFIG, false, false},
        {"ftp://lists.net/mine", NULL, NULL, ERR_CONFIG, false, false},
        {"", NULL, NULL, ERR_CONFIG, false, false},
    };
    struct listfetch_source source;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err why = {0};
        assert_int_equal(listfetch_source(rows[i].named, "", &source, &why), rows[i].code);
        if (rows[i].code != ERR_OK) {
            assert_non_null(strstr(why.text, "ingest.log_list"));
            continue;
        }
        assert_string_equal(source.place, rows[i].place);
        assert_string_equal(source.signature, rows[i].signature);
        assert_int_equal(source.file, rows[i].file);
        assert_int_equal(source.is_signed, rows[i].is_signed);
    }
    put("nokey", SPAN_LIT("nonsense"));
    assert_int_equal(listfetch_source("/x.json", path_of("nokey"), &source, NULL), ERR_CONFIG);
    assert_int_equal(listfetch_source("/x.json", path_of("missing"), &source, NULL), ERR_CONFIG);
    /* Another key than Google's is not taken for Google's list. */
    assert_int_equal(listfetch_source("google", path_of("nokey"), &source, NULL), ERR_OK);
    assert_int_equal(source.key.len, listsig_google()->len);
}

static void files(void **state)
{
    EVP_PKEY *key = signer_key("RSA", 2048, NULL);
    uint8_t spki[1024], signature[1024];
    size_t len = sizeof signature;
    struct span list = SPAN_LIT("{\"operators\":[]}");
    struct listfetch_source source;
    struct listfetch got;
    struct err why = {0};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    (void)state;
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, list.at, list.len), 1);
    put("key.der", signer_spki(key, spki, sizeof spki));
    put("list.json", list);
    put("list.sig", span_of(signature, len));
    assert_int_equal(listfetch_source(path_of("list.json"), path_of("key.der"), &source, &why), ERR_OK);
    assert_int_equal(listfetch_get(&source, "test", "", NULL, &got, &why), ERR_OK);
    assert_true(!got.unchanged && span_eq(span_of(got.bytes, got.len), list));
    char etag[LISTFETCH_ETAG_MAX];
    (void)snprintf(etag, sizeof etag, "%s", got.etag);
    listfetch_free(&got);
    assert_int_equal(listfetch_get(&source, "test", etag, NULL, &got, &why), ERR_OK);
    assert_true(got.unchanged && got.bytes == NULL);
    put("list.json", SPAN_LIT("{\"operators\":[ ]}"));
    assert_int_equal(listfetch_get(&source, "test", etag, NULL, &got, &why), ERR_SIGNATURE);
    assert_null(got.bytes);
    err_clear(&why);
    assert_int_equal(unlink(path_of("list.sig")), 0);
    assert_int_equal(listfetch_get(&source, "test", etag, NULL, &got, &why), ERR_SYSTEM);
    assert_int_equal(unlink(path_of("list.json")), 0);
    assert_int_equal(listfetch_get(&source, "test", "", NULL, &got, NULL), ERR_SYSTEM);
    uint8_t *big = calloc(1, LIMIT_LOGLIST_BYTES + 1);
    assert_non_null(big);
    put("list.json", span_of(big, LIMIT_LOGLIST_BYTES + 1));
    free(big);
    assert_int_equal(listfetch_get(&source, "test", "", NULL, &got, NULL), ERR_TOO_BIG);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void nobody_there(void **state)
{
    struct listfetch_source source;
    struct listfetch got;
    struct err why = {0};

    (void)state;
    assert_int_equal(listfetch_source("http://127.0.0.1:9/x.json", "", &source, &why), ERR_OK);
    assert_int_equal(listfetch_get(&source, "test", "", NULL, &got, &why), ERR_NETWORK);
    assert_null(got.bytes);
}

static void steps_back(void **state)
{
    static const struct {
        const char *version, *was_version;
        int64_t made_ms, was_ms;
        bool taken;
    } rows[] = {
        {"2.0", "2.0", 5000, 5000, true},
        {"2.1", "2.0", 6000, 5000, true},
        {"2.1", "2.0", 4999, 5000, false},
        {"1.9", "2.0", 6000, 5000, false},
        {"", "2.0", 5000, 5000, true},
        {"", "", 0, 0, true},
        {"", "", 0, 5000, false},
        {"2.0", "", 5000, 0, true},
        {"10.0", "9.9", 5000, 5000, true},
        {"3.0", "2.0", 90000000 + 86400000, 5000, false},
        {"3.0", "2.0", 90000000 + 86400000 - 1, 5000, true},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct loglist list = {.timestamp_ms = rows[i].made_ms};
        struct err why = {0};
        (void)snprintf(list.version, sizeof list.version, "%s", rows[i].version);
        enum err_code code = listfetch_newer(&list, rows[i].was_version, rows[i].was_ms, 89999999, &why);
        if ((code == ERR_OK) != rows[i].taken)
            fail_msg("row %zu: %s", i, why.text);
    }
}

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/ctv-listfetch-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(path_of("nokey"));
    (void)unlink(path_of("key.der"));
    (void)unlink(path_of("list.json"));
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources),
        cmocka_unit_test(files),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(steps_back),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
