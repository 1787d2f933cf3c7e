#include "ingest/rfc6962.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/text.h"
#include "parser/getentries.h"
#include "parser/leaf.h"
#include "verify/merkle.h"
#include "verify/sth.h"

#define SIGNATURE_MAX  1024 /* DigitallySigned of RSA-4096 is 516 bytes */
#define PATH_MAX_NODES 64

static void head_url(const struct ctlog *log, char url[PROTO_URL_MAX])
{
    proto_url(log, url, "ct/v1/get-sth");
}

static void entries_url(const struct ctlog *log, uint64_t begin, uint64_t end, unsigned width,
                        char url[PROTO_URL_MAX])
{
    (void)width;
    proto_url(log, url, "ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64, begin, end - 1);
}

/* A member that is an integer >= 0. */
static bool json_u64(const json_t *object, const char *key, uint64_t *value)
{
    const json_t *member = json_object_get(object, key);
    if (!json_is_integer(member) || json_integer_value(member) < 0)
        return false;
    *value = (uint64_t)json_integer_value(member);
    return true;
}

static bool json_base64(const json_t *text, uint8_t *out, size_t cap, size_t *len)
{
    if (!json_is_string(text))
        return false;
    struct span bytes = span_of(json_string_value(text), json_string_length(text));
    return text_unbase64(bytes, out, cap, len);
}

static json_t *json_document(struct span body, struct err *why)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)body.at, body.len, 0, &error);
    if (root == NULL)
        err_set(why, ERR_FORMAT, "the reply is not JSON: %s", error.text);
    return root;
}

enum err_code rfc6962_sth_read(struct span body, struct head *unverified, uint8_t *signature, size_t cap,
                               size_t *signature_len, struct err *why)
{
    json_t *root = json_document(body, why);
    if (root == NULL)
        return ERR_FORMAT;
    uint64_t timestamp = 0;
    size_t hash_len = 0;
    bool read = json_u64(root, "tree_size", &unverified->size) && json_u64(root, "timestamp", &timestamp) &&
                json_base64(json_object_get(root, "sha256_root_hash"), unverified->root,
                            sizeof(unverified->root), &hash_len) &&
                hash_len == sizeof(unverified->root) &&
                json_base64(json_object_get(root, "tree_head_signature"), signature, cap, signature_len);
    json_decref(root);
    unverified->timestamp_ms = (int64_t)timestamp;
    if (!read)
        return err_set(why, ERR_FORMAT, "the tree head lacks a member or has one of the wrong type");
    return ERR_OK;
}

static enum err_code head_read(const struct ctlog *log, struct span body, struct head *head, struct err *why)
{
    struct head said = {.size = 0};
    uint8_t signature[SIGNATURE_MAX];
    size_t signature_len = 0;
    enum err_code code = rfc6962_sth_read(body, &said, signature, sizeof(signature), &signature_len, why);
    if (code == ERR_OK)
        code = sth_verify(log, said.size, said.timestamp_ms, said.root, span_of(signature, signature_len),
                          head, why);
    if (code == ERR_OK)
        head->raw = body;
    return code;
}

/* Up to the first one without a leaf: without its hash nothing behind it can be settled. Returns how many. */
static size_t take_items(struct batch *batch, const struct getentries_item *items, size_t count)
{
    size_t taken = 0;
    for (; taken < count && items[taken].leaf_input.at != NULL; taken++) {
        struct entry *entry = &batch->entries[taken];
        struct span extra = items[taken].extra_data;
        entry->index = batch->begin + taken;
        leaf_read(items[taken].leaf_input, entry);
        if (extra.at == NULL)
            finding_add(&entry->findings, FINDING_EXTRA_UNREADABLE);
        leaf_read_extra(extra.at == NULL ? SPAN_LIT("") : extra, entry);
    }
    return taken;
}

static enum err_code decode(struct batch *batch, unsigned width, struct err *why)
{
    (void)width;
    size_t asked = (size_t)(batch->end - batch->begin);
    struct getentries_item *items = arena_zeroed(&batch->arena, asked, sizeof(*items));
    if (items == NULL || !proto_entries(batch, asked))
        return err_set(why, ERR_TOO_BIG, "%zu entries do not fit", asked);
    size_t count = 0;
    enum err_code code = getentries_decode(batch->body, &batch->arena, items, asked, &count, why);
    if (code != ERR_OK)
        return code;
    if (count == 0)
        return err_set(why, ERR_FORMAT, "the reply has no entries");
    batch->entry_count = take_items(batch, items, count);
    if (batch->entry_count == 0)
        return proto_stuck(batch, items[0].extra_data,
                           "its leaf_input is missing or no base64, so that nobody can tell its hash", why);
    batch->cut = batch->entry_count < count;
    batch->end = batch->begin + batch->entry_count;
    return ERR_OK;
}

void rfc6962_proof_url(const struct ctlog *log, uint64_t size, char url[PROTO_URL_MAX])
{
    must(size > 0);
    proto_url(log, url, "ct/v1/get-entry-and-proof?leaf_index=%" PRIu64 "&tree_size=%" PRIu64, size - 1,
              size);
}

/* Decodes the base64 of leaf_input and hashes it. */
static bool proof_leaf(const json_t *text, uint8_t leaf_hash[32])
{
    if (!json_is_string(text))
        return false;
    size_t cap = json_string_length(text);
    uint8_t *leaf = malloc(cap + 1);
    size_t len = 0;
    bool read = leaf != NULL && json_base64(text, leaf, cap, &len);
    if (read)
        merkle_leaf_hash(span_of(leaf, len), leaf_hash);
    free(leaf);
    return read;
}

/* An array of hashes; false: not one, or too long. */
static bool json_path(const json_t *nodes, uint8_t path[PATH_MAX_NODES][32], size_t *count)
{
    *count = json_array_size(nodes);
    bool read = *count <= PATH_MAX_NODES && (json_is_array(nodes) || json_is_null(nodes));
    for (size_t i = 0; read && i < *count; i++) {
        size_t len = 0;
        read = json_base64(json_array_get(nodes, i), path[i], 32, &len) && len == 32;
    }
    return read;
}

enum err_code rfc6962_proof_read(struct span body, uint64_t size, struct compact *unverified_frontier,
                                 struct err *why)
{
    json_t *root = json_document(body, why);
    if (root == NULL)
        return ERR_FORMAT;
    uint8_t leaf_hash[32];
    uint8_t path[PATH_MAX_NODES][32];
    size_t count = 0;
    bool read = json_path(json_object_get(root, "audit_path"), path, &count) &&
                proof_leaf(json_object_get(root, "leaf_input"), leaf_hash);
    json_decref(root);
    if (!read ||
        !merkle_from_last_leaf(unverified_frontier, size, leaf_hash, (const uint8_t(*)[32])path, count))
        return err_set(why, ERR_FORMAT, "the proof for the last of %" PRIu64 " entries can not be read",
                       size);
    return ERR_OK;
}

void rfc6962_consistency_url(const struct ctlog *log, uint64_t first, uint64_t second,
                             char url[PROTO_URL_MAX])
{
    must(first > 0 && first < second);
    proto_url(log, url, "ct/v1/get-sth-consistency?first=%" PRIu64 "&second=%" PRIu64, first, second);
}

enum err_code rfc6962_consistency_read(struct span body, uint64_t first, const uint8_t first_root[32],
                                       uint64_t second, const uint8_t second_root[32], struct err *why)
{
    json_t *root = json_document(body, why);
    if (root == NULL)
        return ERR_FORMAT;
    uint8_t path[PATH_MAX_NODES][32];
    size_t count = 0;
    bool read = json_path(json_object_get(root, "consistency"), path, &count);
    json_decref(root);
    if (!read)
        return err_set(why, ERR_FORMAT, "the consistency proof can not be read");
    if (!merkle_verify_consistency(first, first_root, second, second_root, (const uint8_t(*)[32])path, count))
        return err_set(why, ERR_PROOF,
                       "the trees of %" PRIu64 " and %" PRIu64 " entries are not proven consistent", first,
                       second);
    return ERR_OK;
}

const struct proto *rfc6962_proto(void)
{
    static const struct proto proto = {false, head_url, head_read, entries_url, decode};
    return &proto;
}
