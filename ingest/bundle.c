#include "ingest/bundle.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/text.h"
#include "ingest/before.h"
#include "ingest/frontier.h"
#include "ingest/headform.h"
#include "verify/logkey.h"
#include "verify/merkle.h"

#define TREE_BITS   48  /* what hash tiles of six levels can cover */
#define ANSWERS_MAX 512 /* documents that one proof takes: tiles of a walk are a few per level */

/* The bytes of all heads and entries lie in one arena, which can not be larger than the document. */
struct reading {
    struct bundle *bundle;
    const json_t *root;
    struct arena arena;
    struct err *why;
};

static enum err_code bad(struct reading *reading, const char *member)
{
    return err_set(reading->why, ERR_FORMAT, "evidence: '%s' is missing or not what it should be", member);
}

static struct span text_of(const json_t *value)
{
    return json_is_string(value) ? span_of(json_string_value(value), json_string_length(value)) : SPAN_NONE;
}

static bool get_u64(const json_t *object, const char *key, uint64_t *value)
{
    const json_t *member = json_object_get(object, key);
    if (!json_is_integer(member) || json_integer_value(member) < 0)
        return false;
    *value = (uint64_t)json_integer_value(member);
    return true;
}

static bool get_hash(const json_t *value, uint8_t out[32])
{
    struct span text = text_of(value);
    return text.len == 64 && text_unhex(text, out, 32);
}

static void get_text(const json_t *object, const char *key, char *out, size_t cap)
{
    struct span text = text_of(json_object_get(object, key));
    if (text.at != NULL && memchr(text.at, 0, text.len) == NULL)
        (void)snprintf(out, cap, "%.*s", (int)(text.len < cap ? text.len : cap), (const char *)text.at);
}

/* Base64 into the arena. */
static bool get_bytes(struct reading *reading, const json_t *value, struct span *out)
{
    struct span text = text_of(value);
    uint8_t *room = text.at == NULL ? NULL : arena_take(&reading->arena, text.len + 1, 1);
    size_t len = 0;
    if (room == NULL || !text_unbase64(text, room, text.len + 1, &len))
        return false;
    *out = span_of(room, len);
    return true;
}

static enum err_code read_log(struct reading *reading)
{
    struct account *account = &reading->bundle->account;
    const json_t *object = json_object_get(reading->root, "log");
    struct span key;
    get_text(object, "name", account->log.name, sizeof account->log.name);
    get_text(object, "url", account->log.url, sizeof account->log.url);
    get_text(object, "origin", account->log.origin, sizeof account->log.origin);
    const char *protocol = json_string_value(json_object_get(object, "protocol"));
    if (protocol == NULL || !ctlog_protocol_parse(protocol, &account->log.protocol))
        return bad(reading, "log.protocol");
    if (!get_hash(json_object_get(object, "log_id"), account->stated_log_id))
        return bad(reading, "log.log_id");
    if (!get_bytes(reading, json_object_get(object, "key_base64"), &key))
        return bad(reading, "log.key_base64");
    return logkey_set(&account->log, key, reading->why);
}

static enum err_code read_head(struct reading *reading, const char *member, struct account_head *head)
{
    const json_t *object = json_object_get(reading->root, member);
    const json_t *raw = json_object_get(object, "raw_base64");
    struct headform form;
    struct span bytes;
    if (object == NULL)
        return ERR_OK;
    head->stated = true;
    if (!get_u64(object, "size", &head->size) || !get_hash(json_object_get(object, "root"), head->root))
        return bad(reading, member);
    if (raw == NULL)
        return ERR_OK;
    if (!get_bytes(reading, raw, &bytes))
        return bad(reading, member);
    head->has_bytes = true;
    head->readable = headform_read(&reading->bundle->account.log, bytes, &form, NULL) == ERR_OK;
    if (!head->readable)
        return ERR_OK;
    head->said = form.unverified;
    head->is_note = form.is_note;
    head->signature = arena_copy(&reading->arena, span_of(form.signature, form.signature_len));
    return ERR_OK;
}

static enum err_code read_heads(struct reading *reading)
{
    struct account *account = &reading->bundle->account;
    const json_t *computed = json_object_get(reading->root, "computed");
    enum err_code code = read_head(reading, "head", &account->head);
    if (code == ERR_OK)
        code = read_head(reading, "other_head", &account->other);
    if (code == ERR_OK)
        code = read_head(reading, "base_head", &account->base);
    if (code != ERR_OK || computed == NULL)
        return code;
    /* A tree of another size that we computed is a head without the log's signature. */
    uint64_t size = 0;
    if (!get_u64(computed, "size", &size) || !get_hash(json_object_get(computed, "root"), account->computed))
        return bad(reading, "computed");
    account->has_computed = size == account->head.size;
    if (!account->has_computed && !account->other.stated) {
        account->other = (struct account_head){.stated = true, .size = size};
        memcpy(account->other.root, account->computed, 32);
    }
    return ERR_OK;
}

static enum err_code read_frontier(struct reading *reading)
{
    struct account *account = &reading->bundle->account;
    const json_t *nodes = json_object_get(reading->root, "frontier");
    if (nodes == NULL)
        return ERR_OK;
    if (!get_u64(reading->root, "frontier_size", &account->frontier.size) ||
        json_array_size(nodes) != compact_count(&account->frontier))
        return bad(reading, "frontier");
    for (size_t i = 0; i < json_array_size(nodes); i++)
        if (!get_hash(json_array_get(nodes, i), account->frontier.hash[i]))
            return bad(reading, "frontier");
    account->has_frontier = true;
    return ERR_OK;
}

static enum err_code leaves_room(struct reading *reading, size_t count)
{
    struct account *account = &reading->bundle->account;
    uint64_t begin = 0;
    /* Accounts of before have no entries_begin. */
    const json_t *first = json_array_get(json_object_get(reading->root, "entries"), 0);
    if (!get_u64(reading->root, "entries_begin", &begin) && !get_u64(first, "index", &begin))
        return bad(reading, "entries_begin");
    account->leaf_hash = calloc(count + 1, 32);
    if (account->leaf_hash == NULL)
        return err_set(reading->why, ERR_MEMORY, "evidence: out of memory");
    account->leaf_begin = begin;
    account->leaf_count = count;
    account->has_leaves = true;
    return ERR_OK;
}

static enum err_code read_entries(struct reading *reading, const json_t *entries)
{
    struct account *account = &reading->bundle->account;
    enum err_code code = leaves_room(reading, json_array_size(entries));
    size_t mark = arena_mark(&reading->arena);
    for (size_t i = 0; code == ERR_OK && i < account->leaf_count; i++) {
        const json_t *entry = json_array_get(entries, i);
        uint64_t index = 0;
        struct span leaf;
        arena_rewind(&reading->arena, mark);
        if (!get_u64(entry, "index", &index) || index != account->leaf_begin + i ||
            !get_bytes(reading, json_object_get(entry, "leaf_input"), &leaf))
            code = bad(reading, "entries");
        else
            merkle_leaf_hash(leaf, account->leaf_hash[i]);
    }
    return code;
}

static enum err_code read_leaves(struct reading *reading)
{
    struct account *account = &reading->bundle->account;
    const json_t *entries = json_object_get(reading->root, "entries");
    const json_t *hashes = json_object_get(reading->root, "leaf_hashes_base64");
    struct span bytes;
    if (json_is_array(entries) && json_array_size(entries) != 0)
        return read_entries(reading, entries);
    if (hashes == NULL)
        return ERR_OK;
    if (!get_bytes(reading, hashes, &bytes) || bytes.len == 0 || bytes.len % 32 != 0)
        return bad(reading, "leaf_hashes_base64");
    enum err_code code = leaves_room(reading, bytes.len / 32);
    if (code == ERR_OK)
        memcpy(account->leaf_hash, bytes.at, bytes.len);
    return code;
}

static bool get_place(const json_t *row, struct store_place *place, uint64_t *index)
{
    const char *form = json_string_value(json_object_get(row, "form"));
    struct span fp8 = text_of(json_object_get(row, "fp8"));
    uint64_t timestamp_ms = 0;
    if (form == NULL || !get_u64(row, "index", index) || !get_u64(row, "timestamp_ms", &timestamp_ms) ||
        fp8.len != 16 || !text_unhex(fp8, place->fp8, 8) || timestamp_ms > INT64_MAX)
        return false;
    place->known = true;
    place->timestamp_ms = (int64_t)timestamp_ms;
    place->precert = strcmp(form, "precert") == 0;
    return place->precert || strcmp(form, "final") == 0;
}

/* Each of the places once, so that nobody counts one for many. */
static enum err_code read_before(struct reading *reading)
{
    struct account *account = &reading->bundle->account;
    const json_t *rows = json_object_get(reading->root, "before");
    const json_t *entries = json_object_get(reading->root, "entries");
    size_t mark = arena_mark(&reading->arena);
    uint64_t next = account->leaf_begin;
    if (rows == NULL || !account->has_leaves || json_array_size(entries) != account->leaf_count)
        return ERR_OK;
    account->has_before = json_array_size(rows) != 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        struct store_place place = {.known = false};
        uint64_t index = 0;
        struct span leaf;
        arena_rewind(&reading->arena, mark);
        if (!get_place(json_array_get(rows, i), &place, &index) || index < next ||
            index - account->leaf_begin >= account->leaf_count)
            return bad(reading, "before");
        next = index + 1;
        const json_t *entry = json_array_get(entries, (size_t)(index - account->leaf_begin));
        if (!get_bytes(reading, json_object_get(entry, "leaf_input"), &leaf))
            return bad(reading, "entries");
        account->before_count++;
        if (before_other(leaf, &place) && account->before_differs++ == 0)
            account->before_first = index;
    }
    return ERR_OK;
}

static enum err_code read_tile(struct reading *reading)
{
    struct bundle *bundle = reading->bundle;
    struct account *account = &bundle->account;
    const json_t *tile = json_object_get(reading->root, "hash_tile_base64");
    struct span bytes;
    get_text(reading->root, "hash_tile", bundle->hash_tile, sizeof bundle->hash_tile);
    get_text(reading->root, "data_tile", bundle->data_tile, sizeof bundle->data_tile);
    if (tile == NULL || !account->has_leaves)
        return ERR_OK;
    if (!get_bytes(reading, tile, &bytes) || bytes.len % 32 != 0)
        return bad(reading, "hash_tile_base64");
    /* Accounts of before are of level 1, and do not say so. */
    const json_t *level = json_object_get(reading->root, "hash_tile_level");
    size_t at = (size_t)(account->leaf_begin % ACCOUNT_TILE_WIDTH);
    if (json_is_integer(level) && json_integer_value(level) == 0) {
        if (account->leaf_count <= ACCOUNT_TILE_WIDTH && bytes.len / 32 >= at + account->leaf_count)
            account->tile_leaves = span_part(bytes, 32 * at, 32 * (at + account->leaf_count));
        return ERR_OK;
    }
    at = (size_t)(account->leaf_begin / ACCOUNT_TILE_WIDTH % ACCOUNT_TILE_WIDTH);
    account->has_node = bytes.len / 32 > at;
    if (account->has_node)
        memcpy(account->node, bytes.at + 32 * at, 32);
    return ERR_OK;
}

/* Proof ------------------------------------------------------------------------------------------ */

static const json_t *answer_to(const json_t *answers, const char *url)
{
    const json_t *found = NULL;
    for (size_t i = 0; i < json_array_size(answers); i++) {
        const json_t *answer = json_array_get(answers, i);
        const char *asked = json_string_value(json_object_get(answer, "url"));
        if (asked != NULL && strcmp(asked, url) == 0)
            found = answer; /* the last one counts: those before it were of no use */
    }
    return found;
}

/* One step of the machine; false: the answers end here. */
static bool proof_step(struct reading *reading, struct frontier *frontier, const json_t *answer)
{
    size_t mark = arena_mark(&reading->arena);
    const json_t *body = json_object_get(answer, "body_base64");
    struct span bytes;
    if (answer == NULL)
        return false;
    if (body == NULL)
        return frontier_absent(frontier, (long)json_integer_value(json_object_get(answer, "status")));
    bool taken = get_bytes(reading, body, &bytes) && frontier_take(frontier, bytes, NULL) == ERR_OK;
    arena_rewind(&reading->arena, mark);
    return taken;
}

/* Does the tree of `one` begin that of `two`? As claims.c asked, with what the log answered. */
static void read_proof(struct reading *reading, const struct account_head *one,
                       const struct account_head *two, struct account_proof *proof)
{
    const struct ctlog *log = &reading->bundle->account.log;
    const json_t *answers = json_object_get(reading->root, "answers");
    struct head claim = {.size = one->size};
    struct head tree = {.size = two->size};
    char url[PROTO_URL_MAX];
    struct frontier frontier;
    enum err_code code = ERR_PROOF;
    if (!json_is_array(answers) || claim.size == 0 || claim.size >= tree.size || tree.size >> TREE_BITS != 0)
        return;
    memcpy(claim.root, one->root, 32);
    memcpy(tree.root, two->root, 32);
    *proof = (struct account_proof){.present = true, .size = claim.size, .tree_size = tree.size};
    memcpy(proof->tree_root, tree.root, 32);
    frontier_begin_claim(&frontier, log->protocol == CTLOG_STATIC_CT, &claim, &tree);
    unsigned count = 0;
    while (frontier_url(&frontier, log, url, &code))
        if (++count > ANSWERS_MAX || !proof_step(reading, &frontier, answer_to(answers, url)))
            return;
    proof->proven = code == ERR_OK;
    if (proof->proven && frontier_fits(&frontier))
        memcpy(proof->root, claim.root, 32);
    else if (proof->proven)
        merkle_root(&frontier.unverified, proof->root);
}

static void read_proofs(struct reading *reading)
{
    struct account *account = &reading->bundle->account;
    read_proof(reading, &account->head, &account->other, &account->proof);
    if (json_is_true(json_object_get(reading->root, "asked_since")))
        read_proof(reading, &account->base, &account->head, &account->since);
}

/* The computed nodes of the larger tree. */
static enum err_code read_path(struct reading *reading)
{
    struct account *account = &reading->bundle->account;
    const json_t *begin = json_object_get(reading->root, "path_begin");
    const json_t *path = json_object_get(reading->root, "path");
    if (path == NULL)
        return ERR_OK;
    account->path_begin.size = account->head.size;
    if (json_array_size(begin) != compact_count(&account->path_begin) ||
        json_array_size(path) > ACCOUNT_PATH_MAX)
        return bad(reading, "path");
    for (size_t i = 0; i < json_array_size(begin); i++)
        if (!get_hash(json_array_get(begin, i), account->path_begin.hash[i]))
            return bad(reading, "path_begin");
    for (size_t i = 0; i < json_array_size(path); i++)
        if (!get_hash(json_array_get(path, i), account->path[i]))
            return bad(reading, "path");
    account->path_count = json_array_size(path);
    account->has_path = true;
    return ERR_OK;
}

/* ------------------------------------------------------------------------------------------------ */

static void read_words(struct reading *reading)
{
    struct bundle *bundle = reading->bundle;
    const json_t *left_out = json_object_get(reading->root, "left_out");
    get_text(reading->root, "kind", bundle->kind, sizeof bundle->kind);
    get_text(reading->root, "sentence", bundle->sentence, sizeof bundle->sentence);
    get_text(reading->root, "time", bundle->time, sizeof bundle->time);
    get_text(reading->root, "version", bundle->version, sizeof bundle->version);
    for (size_t i = 0; i < json_array_size(left_out) && bundle->left_out_count < BUNDLE_LEFT_OUT_MAX; i++) {
        struct span text = text_of(json_array_get(left_out, i));
        char *out = bundle->left_out[bundle->left_out_count];
        if (text.len == 0 || memchr(text.at, 0, text.len) != NULL)
            continue;
        (void)snprintf(out, BUNDLE_TEXT_MAX, "%.*s",
                       (int)(text.len < BUNDLE_TEXT_MAX ? text.len : BUNDLE_TEXT_MAX), (const char *)text.at);
        bundle->left_out_count++;
    }
    bundle->account.signature_wrong = strcmp(bundle->kind, "bad_signature") == 0;
    bundle->account.tile_wrong = strcmp(bundle->kind, "bad_tile") == 0;
    bundle->account.unproven = strcmp(bundle->kind, "unproven_head") == 0;
}

static enum err_code read_all(struct reading *reading)
{
    const char *schema = json_string_value(json_object_get(reading->root, "schema"));
    if (schema == NULL || strcmp(schema, "ctvigil.evidence.1") != 0)
        return bad(reading, "schema");
    read_words(reading);
    enum err_code code = read_log(reading);
    if (code == ERR_OK)
        code = read_heads(reading);
    if (code == ERR_OK)
        code = read_frontier(reading);
    if (code == ERR_OK)
        code = read_leaves(reading);
    if (code == ERR_OK)
        code = read_before(reading);
    if (code == ERR_OK)
        code = read_tile(reading);
    if (code == ERR_OK)
        code = read_path(reading);
    if (code == ERR_OK)
        read_proofs(reading);
    return code;
}

enum err_code bundle_read(struct span text, struct bundle **bundle, struct err *why)
{
    json_error_t error;
    *bundle = NULL;
    if (text.len > LIMIT_ACCOUNT_BYTES)
        return err_set(why, ERR_TOO_BIG, "evidence: %zu bytes, more than %u", text.len, LIMIT_ACCOUNT_BYTES);
    json_t *root = text.len == 0 ? NULL : json_loadb((const char *)text.at, text.len, 0, &error);
    if (root == NULL)
        return err_set(why, ERR_FORMAT, "evidence: not JSON: %s", text.len == 0 ? "empty" : error.text);
    struct bundle *own = calloc(1, sizeof *own);
    struct arena *arena = calloc(1, sizeof *arena);
    must(own != NULL && arena != NULL);
    own->document = root;
    struct reading reading = {.bundle = own, .root = root, .why = why};
    enum err_code code = ERR_OK;
    if (!arena_init(&reading.arena, 2 * LIMIT_ACCOUNT_BYTES))
        code = err_set(why, ERR_MEMORY, "evidence: out of memory");
    if (code == ERR_OK)
        code = read_all(&reading);
    *arena = reading.arena;
    own->bytes = arena;
    if (code == ERR_OK)
        *bundle = own;
    else
        bundle_free(own);
    return code;
}

void bundle_free(struct bundle *bundle)
{
    if (bundle == NULL)
        return;
    struct arena *arena = bundle->bytes;
    if (arena->base != NULL)
        arena_fini(arena);
    free(arena);
    free(bundle->account.leaf_hash);
    json_decref(bundle->document);
    free(bundle);
}
