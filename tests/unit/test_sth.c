#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "signer.h"
#include "vecfile.h"
#include "verify/digest.h"
#include "verify/sth.h"

static void message(void **state)
{
    uint8_t out[STH_MESSAGE_BYTES];
    uint8_t root[32];

    (void)state;
    memset(root, 0xab, sizeof root);
    sth_message(UINT64_C(0x1122334455667788), INT64_C(0x0102030405060708), root, out);
    assert_memory_equal(out, "\x00\x01\x01\x02\x03\x04\x05\x06\x07\x08\x11\x22\x33\x44\x55\x66\x77\x88", 18);
    assert_memory_equal(out + 18, root, 32);
}

static void sign_head(EVP_PKEY *key, uint64_t size, int64_t timestamp, const uint8_t root[32],
                      struct buf *out)
{
    uint8_t bytes[STH_MESSAGE_BYTES];

    sth_message(size, timestamp, root, bytes);
    buf_clear(out);
    signer_sign(key, span_of(bytes, sizeof bytes), 4, 3, out);
}

/* Each signed value counts. */
static void each_value(void **state)
{
    EVP_PKEY *key = signer_key("EC", 0, "P-256");
    EVP_PKEY *stranger = signer_key("EC", 0, "P-256");
    struct ctlog log = signer_log(key);
    struct head head = {.raw = SPAN_LIT("raw")};
    uint8_t root[32] = {1, 2, 3};
    uint8_t other[32] = {1, 2, 4};
    struct buf signature;
    struct span bytes;

    (void)state;
    buf_init(&signature, 256);
    sign_head(key, 77, 1700000000000, root, &signature);
    bytes = buf_span(&signature);
    assert_int_equal(sth_verify(&log, 78, 1700000000000, root, bytes, &head, NULL), ERR_SIGNATURE);
    assert_int_equal(sth_verify(&log, 77, 1700000000001, root, bytes, &head, NULL), ERR_SIGNATURE);
    assert_int_equal(sth_verify(&log, 77, 1700000000000, other, bytes, &head, NULL), ERR_SIGNATURE);
    assert_int_equal(head.size, 0);
    assert_int_equal(sth_verify(&log, 77, 1700000000000, root, bytes, &head, NULL), ERR_OK);
    assert_int_equal(head.size, 77);
    assert_int_equal(head.timestamp_ms, 1700000000000);
    assert_memory_equal(head.root, root, 32);
    assert_int_equal(head.raw.len, 3);
    sign_head(stranger, 77, 1700000000000, root, &signature);
    assert_int_equal(sth_verify(&log, 77, 1700000000000, root, buf_span(&signature), &head, NULL),
                     ERR_SIGNATURE);
    buf_fini(&signature);
    EVP_PKEY_free(key);
    EVP_PKEY_free(stranger);
}

static void edges(void **state)
{
    EVP_PKEY *key = signer_key("EC", 0, "P-256");
    struct ctlog log = signer_log(key);
    struct head head;
    uint8_t root[32] = {9};
    uint8_t empty[32];
    struct buf signature;

    (void)state;
    buf_init(&signature, 256);
    digest_sha256(SPAN_NONE, empty);
    sign_head(key, 0, 5, empty, &signature);
    assert_int_equal(sth_verify(&log, 0, 5, empty, buf_span(&signature), &head, NULL), ERR_OK);
    sign_head(key, 0, 5, root, &signature);
    assert_int_equal(sth_verify(&log, 0, 5, root, buf_span(&signature), &head, NULL), ERR_PROOF);
    sign_head(key, 5, -1, root, &signature);
    assert_int_equal(sth_verify(&log, 5, -1, root, buf_span(&signature), &head, NULL), ERR_FORMAT);
    sign_head(key, LIMIT_TREE_SIZE, 5, root, &signature);
    assert_int_equal(sth_verify(&log, LIMIT_TREE_SIZE, 5, root, buf_span(&signature), &head, NULL), ERR_OK);
    sign_head(key, LIMIT_TREE_SIZE + 1, 5, root, &signature);
    assert_int_equal(sth_verify(&log, LIMIT_TREE_SIZE + 1, 5, root, buf_span(&signature), &head, NULL),
                     ERR_FORMAT);
    buf_fini(&signature);
    EVP_PKEY_free(key);
}

/* Heads that real logs signed. `key_after`: the key is the first one behind this text in the file. */
static void real_heads(void **state)
{
    static const struct {
        const char *sth, *key_file, *key_after;
    } rows[] = {
        {"yeti2018/sth-90785920-with-key.json", "yeti2018/sth-90785920-with-key.json", "{"},
        {"yeti2022/get-sth-65551225.json", "yeti2022/log.json", "{"},
        {"yeti2022/get-sth-65569149.json", "yeti2022/log.json", "{"},
        {"argon2027h1/get-sth-384065451.json", "loglist/log_list_v85.92.json", "'Argon2027h1'"},
        {"argon2027h1/get-sth-384071894.json", "loglist/log_list_v85.92.json", "'Argon2027h1'"},
        {"argon2020/get-sth.json", "loglist/all_logs_list_v53.34.json", "'Argon2020' log"},
    };
    size_t checked = 0;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span sth = vecfile_load(rows[i].sth);
        struct span keys = vecfile_load(rows[i].key_file);
        const char *text = (const char *)sth.at;
        struct ctlog log = {.name = "real"};
        struct head head;
        uint8_t root[32], signature[256];
        if (sth.at == NULL || keys.at == NULL) {
            vecfile_free(sth);
            vecfile_free(keys);
            continue;
        }
        const char *place = strstr((const char *)keys.at, rows[i].key_after);
        assert_non_null(place);
        struct span key = vecfile_string(vecfile_find(place, "key"), NULL);
        assert_int_equal(logkey_set_from_user(&log, key, NULL), ERR_OK);
        assert_int_equal(vecfile_base64(text, "sha256_root_hash", root, 32), 32);
        size_t length = vecfile_base64(text, "tree_head_signature", signature, sizeof signature);
        assert_int_not_equal(length, SIZE_MAX);
        uint64_t size = vecfile_number(text, "tree_size");
        int64_t timestamp = (int64_t)vecfile_number(text, "timestamp");
        assert_int_equal(sth_verify(&log, size, timestamp, root, span_of(signature, length), &head, NULL),
                         ERR_OK);
        assert_int_equal(sth_verify(&log, size + 1, timestamp, root, span_of(signature, length), &head, NULL),
                         ERR_SIGNATURE);
        vecfile_free(sth);
        vecfile_free(keys);
        checked++;
    }
    if (checked == 0)
        skip();
    assert_int_equal(checked, countof(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message),
        cmocka_unit_test(each_value),
        cmocka_unit_test(edges),
        cmocka_unit_test(real_heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
