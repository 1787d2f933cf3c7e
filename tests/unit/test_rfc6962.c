#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "ingest/rfc6962.h"
#include "verify/merkle.h"

/* A MerkleTreeLeaf of an x509_entry with three bytes of "certificate". */
static const uint8_t leaf[] = {0, 0, 0, 0, 1, 0x9b, 1, 2, 3, 4, 0, 0, 0, 0, 3, 0x30, 1, 0, 0, 0};
static const uint8_t extra[] = {0, 0, 0};

static void put_base64(struct buf *out, struct span bytes)
{
    char text[256];
    text_base64(bytes, text);
    buf_str(out, text);
}

static void put_entries(struct buf *out, unsigned count)
{
    buf_str(out, "{\"entries\":[");
    for (unsigned i = 0; i < count; i++) {
        buf_str(out, i == 0 ? "{\"leaf_input\":\"" : ",{\"leaf_input\":\"");
        put_base64(out, span_of(leaf, sizeof(leaf)));
        buf_str(out, "\",\"extra_data\":\"");
        put_base64(out, span_of(extra, sizeof(extra)));
        buf_str(out, "\"}");
    }
    buf_str(out, "]}");
}

static enum err_code decode(struct batch *batch, struct span body, uint64_t begin, uint64_t end)
{
    batch_reset(batch);
    batch->begin = begin;
    batch->end = end;
    batch->body = arena_copy(&batch->arena, body);
    return rfc6962_proto()->decode(batch, 0, NULL);
}

static void test_decode(void **state)
{
    static const struct {
        unsigned sent;
        uint64_t asked;
        enum err_code want;
    } rows[] = {
        {3, 3, ERR_OK}, {1, 3, ERR_OK}, {0, 3, ERR_FORMAT}, {4, 3, ERR_OK}, {300, 300, ERR_OK},
    };
    (void)state;
    struct batch batch;
    assert_true(batch_init(&batch, 4 << 20));
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf json;
        buf_init(&json, 1 << 20);
        put_entries(&json, rows[i].sent);
        assert_int_equal(decode(&batch, buf_span(&json), 1000, 1000 + rows[i].asked), rows[i].want);
        buf_fini(&json);
        if (rows[i].want != ERR_OK)
            continue;
        size_t used = rows[i].sent < rows[i].asked ? rows[i].sent : (size_t)rows[i].asked;
        assert_int_equal(batch.entry_count, used);
        assert_int_equal(batch.end, 1000 + used);
        for (size_t k = 0; k < used; k++) {
            const struct entry *entry = &batch.entries[k];
            assert_int_equal(entry->index, 1000 + k);
            assert_int_equal(entry->kind, ENTRY_X509);
            assert_true(span_eq(entry->leaf, span_of(leaf, sizeof(leaf))));
            assert_int_equal(entry->leaf.at[-1], 0);
            assert_true(span_eq(entry->extra, span_of(extra, sizeof(extra))));
        }
    }
    assert_int_equal(decode(&batch, SPAN_LIT("<html>busy</html>"), 0, 3), ERR_FORMAT);
    assert_int_equal(decode(&batch, SPAN_LIT("{\"entries\":[{\"leaf_input\":\"AA"), 0, 3), ERR_FORMAT);
    batch_fini(&batch);
}

/* Extra data that can not be read costs itself; without a leaf the page ends before its entry, or says where
 * it is stuck. */
static void test_bad_members(void **state)
{
    (void)state;
    struct batch batch;
    assert_true(batch_init(&batch, 4 << 20));
    assert_int_equal(
        decode(&batch,
               SPAN_LIT("{\"entries\":[{\"leaf_input\":\"AAAAAAGbAQIDBAAAAAADMAEAAAA=\",\"extra_data\":"
                        "null},{\"leaf_input\":\"AAE=\"},{\"leaf_input\":null,\"extra_data\":\"AAAA\"}]}"),
               1000, 1003),
        ERR_OK);
    assert_int_equal(batch.entry_count, 2);
    assert_int_equal(batch.end, 1002);
    assert_true(batch.cut); /* which tells nobody how long pages are */
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(batch.entries[i].kind, i == 0 ? ENTRY_X509 : ENTRY_OPAQUE);
        assert_true(finding_has(&batch.entries[i].findings, FINDING_EXTRA_UNREADABLE));
        assert_true(batch.entries[i].extra.at != NULL && batch.entries[i].extra.len == 0);
    }
    assert_false(finding_names_lost(&batch.entries[0].findings));

    struct err why = {.code = ERR_OK};
    batch_reset(&batch);
    batch.begin = 1002;
    batch.end = 1003;
    batch.body =
        arena_copy(&batch.arena, SPAN_LIT("{\"entries\":[{\"leaf_input\":\"?\",\"extra_data\":\"AAAA\"}]}"));
    assert_int_equal(rfc6962_proto()->decode(&batch, 0, &why), ERR_FORMAT);
    assert_non_null(strstr(why.text, "entry 1002 "));
    assert_int_equal(batch.entry_count, 1);
    assert_int_equal(batch.entries[0].index, 1002);
    assert_int_equal(batch.entries[0].kind, ENTRY_OPAQUE);
    assert_true(span_eq(batch.entries[0].extra, SPAN_LIT("\0\0\0")));
    assert_true(finding_has(&batch.entries[0].findings, FINDING_ENTRY_STUCK));
    batch_fini(&batch);
}

/* A million empty members behind what was asked for, or in its place, cost their bytes and nothing else. */
static void test_many_empty(void **state)
{
    (void)state;
    enum { ASKED = 3, EMPTY = 1000000 };
    struct batch batch;
    struct buf json;
    for (size_t good = 0; good <= ASKED; good += ASKED) {
        buf_init(&json, 8 << 20);
        buf_str(&json, "{\"entries\":[");
        for (size_t i = 0; i < good; i++)
            buf_str(&json, "{\"leaf_input\":\"AAAAAAGbAQIDBAAAAAADMAEAAAA=\",\"extra_data\":\"AAAA\"},");
        for (size_t i = 0; i < EMPTY; i++)
            buf_str(&json, "{},");
        buf_str(&json, "{}]}");
        assert_true(buf_ok(&json) && batch_init(&batch, 4 << 20));
        batch.begin = 10;
        batch.end = 10 + ASKED;
        batch.body = buf_span(&json);
        struct err why = {.code = ERR_OK};
        enum err_code code = rfc6962_proto()->decode(&batch, 0, &why);
        assert_int_equal(code, good == 0 ? ERR_FORMAT : ERR_OK);
        assert_int_equal(batch.entry_count, good == 0 ? 1 : ASKED);
        assert_false(batch.cut);
        assert_true(batch.arena.used < 1 << 20);
        batch_fini(&batch);
        buf_fini(&json);
    }
}

/* An arena that is too small is told apart from bytes that are wrong: the page is halved. */
static void test_too_big(void **state)
{
    (void)state;
    struct batch batch;
    struct buf json;
    buf_init(&json, 1 << 20);
    put_entries(&json, 256);
    assert_true(batch_init(&batch, 64 << 10));
    assert_int_equal(decode(&batch, buf_span(&json), 0, 256), ERR_TOO_BIG);
    batch_fini(&batch);
    buf_fini(&json);
}

static void test_urls(void **state)
{
    (void)state;
    struct ctlog log = {.url = "https://ct.example/2026"};
    char url[PROTO_URL_MAX];
    rfc6962_proto()->head_url(&log, url);
    assert_string_equal(url, "https://ct.example/2026/ct/v1/get-sth");
    rfc6962_proto()->entries_url(&log, 5, 9, 0, url);
    assert_string_equal(url, "https://ct.example/2026/ct/v1/get-entries?start=5&end=8");
    rfc6962_proof_url(&log, 10, url);
    assert_string_equal(url, "https://ct.example/2026/ct/v1/get-entry-and-proof?leaf_index=9&tree_size=10");
}

static void test_head_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "{}",
        "<html>",
        "{\"tree_size\":-1}",
        "{\"tree_size\":1.5,\"timestamp\":1,\"sha256_root_hash\":\"\",\"tree_head_signature\":\"\"}",
        "{\"tree_size\":1,\"timestamp\":1,\"sha256_root_hash\":\"AAAA\",\"tree_head_signature\":\"AAAA\"}",
        "{\"tree_size\":99999999999999999999,\"timestamp\":1}",
    };
    (void)state;
    struct ctlog log = {.name = "a log"};
    for (size_t i = 0; i < countof(bodies); i++) {
        struct head head;
        struct err why = {.code = ERR_OK};
        assert_int_equal(rfc6962_proto()->head_read(&log, span_str(bodies[i]), &head, &why), ERR_FORMAT);
        assert_true(why.text[0] != '\0');
    }
}

/* Merkle path of leaf `index` in the tree over leaf hashes [0, size), from the leaf up. */
static size_t path_of(uint8_t (*hash)[32], uint64_t begin, uint64_t end, uint64_t index, uint8_t (*path)[32])
{
    if (end - begin == 1)
        return 0;
    uint64_t split = 1;
    while (split * 2 < end - begin)
        split *= 2;
    bool right = index >= begin + split;
    size_t count = right ? path_of(hash, begin + split, end, index, path)
                         : path_of(hash, begin, begin + split, index, path);
    struct compact compact = {.size = 0};
    for (uint64_t i = right ? begin : begin + split; i < (right ? begin + split : end); i++)
        merkle_append(&compact, hash[i]);
    merkle_root(&compact, path[count]);
    return count + 1;
}

static void put_proof(struct buf *json, uint8_t (*path)[32], size_t count)
{
    buf_str(json, "{\"leaf_input\":\"");
    put_base64(json, span_of(leaf, sizeof(leaf)));
    buf_str(json, "\",\"extra_data\":\"\",\"audit_path\":[");
    for (size_t i = 0; i < count; i++) {
        buf_str(json, i == 0 ? "\"" : ",\"");
        put_base64(json, span_of(path[i], 32));
        buf_str(json, "\"");
    }
    buf_str(json, "]}");
}

static void test_frontier(void **state)
{
    (void)state;
    enum { MOST = 70 };
    uint8_t hash[MOST][32];
    for (unsigned i = 0; i < MOST; i++)
        merkle_leaf_hash(span_of(leaf, sizeof(leaf)), hash[i]);
    struct compact want = {.size = 0};
    for (uint64_t size = 1; size <= MOST; size++) {
        uint8_t path[64][32];
        struct compact got;
        struct buf json;
        merkle_append(&want, hash[size - 1]);
        size_t count = path_of(hash, 0, size, size - 1, path);
        buf_init(&json, 1 << 16);
        put_proof(&json, path, count);
        assert_int_equal(rfc6962_proof_read(buf_span(&json), size, &got, NULL), ERR_OK);
        assert_int_equal(got.size, size);
        assert_memory_equal(got.hash, want.hash, 32 * compact_count(&want));
        buf_clear(&json);
        put_proof(&json, path, count + 1);
        assert_int_equal(rfc6962_proof_read(buf_span(&json), size, &got, NULL), ERR_FORMAT);
        buf_fini(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),     cmocka_unit_test(test_bad_members),
        cmocka_unit_test(test_many_empty), cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_urls),       cmocka_unit_test(test_head_refused),
        cmocka_unit_test(test_frontier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
