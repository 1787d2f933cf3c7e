/* Runs the log entries of the corpus through framing, parsing and hashing, and compares with ct_truth.jsonl:
 * leaf hash, type, timestamp, certificate and TBS hashes, issuer key hash, chain. entries.jsonl and
 * ct_truth.jsonl name the same entries; (file, i) joins them. Each RFC 6962 entry also goes through the JSON
 * decoder. */
#include <stdio.h>
#include <stdlib.h>

#include "base/dns.h"
#include "base/text.h"
#include "ingest/examine.h"
#include "parser/getentries.h"
#include "parser/leaf.h"
#include "verify/digest.h"

#include <jansson.h>

#define ROOM (16u << 20)

static unsigned long failures;
static unsigned long compared;

static void expect(const json_t *row, const char *field, const json_t *expected, json_t *found)
{
    compared++;
    if (!json_equal(expected, found)) {
        char *left = json_dumps(expected, JSON_ENCODE_ANY);
        char *right = json_dumps(found, JSON_ENCODE_ANY);
        printf("%s %" JSON_INTEGER_FORMAT " %s: expected %s, found %s\n",
               json_string_value(json_object_get(row, "file")), json_integer_value(json_object_get(row, "i")),
               field, left != NULL ? left : "-", right != NULL ? right : "-");
        free(left);
        free(right);
        failures++;
    }
    json_decref(found);
}

static json_t *hex(struct span bytes)
{
    char text[2 * 64 + 1];

    must(bytes.len <= 64);
    return json_string(text_hex(bytes, text));
}

static json_t *hash(struct span bytes)
{
    uint8_t out[32];

    digest_sha256(bytes, out);
    return hex(span_of(out, sizeof out));
}

static void compare_chain(const json_t *row, const struct entry *entry)
{
    json_t *chain = json_array();
    const struct span prints = entry->unverified_fingerprints;

    for (uint32_t i = 0; i < entry->chain_count; i++)
        (void)json_array_append_new(chain, hash(entry->unverified_chain[i]));
    for (size_t at = 0; at + 32 <= prints.len; at += 32)
        (void)json_array_append_new(chain, hex(span_part(prints, at, at + 32)));
    expect(row, "chain_sha256", json_object_get(row, "chain_sha256"), chain);
}

static void compare(const json_t *row, struct entry *entry, struct arena *arena)
{
    bool precert = entry->kind == ENTRY_PRECERT;

    examine_entry(entry, arena);
    expect(row, "leaf_hash", json_object_get(row, "leaf_hash"), hex(span_of(entry->leaf_hash, 32)));
    expect(row, "timestamp_ms", json_object_get(row, "timestamp_ms"), json_integer(entry->timestamp_ms));
    expect(row, "entry_type", json_object_get(row, "entry_type"), json_string(precert ? "precert" : "x509"));
    expect(row, "cert_sha256", json_object_get(row, "cert_sha256"), hex(span_of(entry->sighting.sha256, 32)));
    expect(row, "extensions_hex", json_object_get(row, "extensions_hex"), hex(entry->extensions));
    compare_chain(row, entry);
    if (json_object_get(row, "leaf_index") != NULL)
        expect(row, "leaf_index", json_object_get(row, "leaf_index"), json_integer(entry->leaf_index));
    if (!precert)
        return;
    expect(row, "issuer_key_hash", json_object_get(row, "issuer_key_hash"),
           hex(span_of(entry->issuance.issuer_spki_sha256, 32)));
    expect(row, "tbs_sha256", json_object_get(row, "tbs_sha256"), hash(entry->tbs));
    expect(row, "tbs_fp", json_object_get(row, "tbs_sha256"), hex(span_of(entry->issuance.tbs_fp, 32)));
    examine_prove_issuer(entry, SPAN_NONE);
    if (json_is_true(json_object_get(row, "tbs_matches_precert")))
        expect(row, "precert_fits", json_false(),
               json_boolean(finding_has(&entry->findings, FINDING_PRECERT_MISMATCH)));
}

static struct span unbase64(const json_t *text, struct arena *arena)
{
    size_t cap = json_string_length(text) + 1;
    uint8_t *out = arena_take(arena, cap, 1);
    size_t len;

    must(out != NULL && text_unbase64(span_str(json_string_value(text)), out, cap, &len));
    return span_of(out, len);
}

/* The decoder's bytes must be those of a plain base64 decoder. */
static void read_page(struct entry *entry, const json_t *item, struct arena *arena)
{
    struct getentries_item decoded;
    size_t count;
    json_t *page = json_pack("{s:[{s:O, s:O}]}", "entries", "leaf_input", json_object_get(item, "leaf_input"),
                             "extra_data", json_object_get(item, "extra_data"));
    char *text = json_dumps(page, 0);
    struct span copy = arena_copy(arena, span_str(text));

    must(getentries_decode(copy, arena, &decoded, 1, &count, NULL) == ERR_OK && count == 1);
    if (!span_eq(decoded.leaf_input, unbase64(json_object_get(item, "leaf_input"), arena)) ||
        !span_eq(decoded.extra_data, unbase64(json_object_get(item, "extra_data"), arena))) {
        printf("get-entries decoded other bytes\n");
        failures++;
    }
    leaf_read(decoded.leaf_input, entry);
    leaf_read_extra(decoded.extra_data, entry);
    free(text);
    json_decref(page);
}

static void judge(const json_t *item, const json_t *truth, struct arena *arena)
{
    struct entry entry = {.kind = ENTRY_OPAQUE};

    if (json_object_get(item, "tile_leaf") == NULL) {
        read_page(&entry, item, arena);
    } else {
        struct span leaf = unbase64(json_object_get(item, "tile_leaf"), arena);
        struct cur cur = cur_of(leaf);
        size_t size = leaf_tile_room(&cur);
        uint8_t *room = arena_take(arena, size + 1, 1);
        must(room != NULL);
        room[0] = 0;
        entry.index = (uint64_t)json_integer_value(json_object_get(truth, "leaf_index"));
        if (!leaf_read_tile(&cur, room + 1, size, &entry) || !cur_done(&cur)) {
            printf("tile leaf not framed\n");
            failures++;
            return;
        }
    }
    compare(truth, &entry, arena);
    arena_reset(arena, ROOM);
}

static FILE *open_in(const char *folder, const char *name)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static json_t *next_row(FILE *file, char *line)
{
    return fgets(line, (int)ROOM, file) == NULL ? NULL : json_loads(line, JSON_ALLOW_NUL, NULL);
}

static void key_of(const json_t *row, char key[1024])
{
    (void)snprintf(key, 1024, "%s %" JSON_INTEGER_FORMAT, json_string_value(json_object_get(row, "file")),
                   json_integer_value(json_object_get(row, "i")));
}

int main(int argc, char **argv)
{
    json_t *truths = json_object();
    char *line = malloc(ROOM);
    struct arena arena;
    char key[1024];
    json_t *row;

    if (argc < 2 || line == NULL || !arena_init(&arena, 64u << 20))
        return 1;
    must(dns_psl_load(SPAN_LIT("com\norg\nnet\n"), NULL) == ERR_OK);
    FILE *file = open_in(argv[1], "ct_truth.jsonl");
    while ((row = next_row(file, line)) != NULL) {
        key_of(row, key);
        (void)json_object_set_new(truths, key, row);
    }
    (void)fclose(file);
    file = open_in(argv[1], "entries.jsonl");
    unsigned long entries = 0;
    while ((row = next_row(file, line)) != NULL) {
        key_of(row, key);
        json_t *truth = json_object_get(truths, key);
        must(truth != NULL);
        judge(row, truth, &arena);
        json_decref(row);
        entries++;
    }
    (void)fclose(file);
    json_decref(truths);
    arena_fini(&arena);
    free(line);
    printf("%lu entries, %lu values compared, %lu differ\n", entries, compared, failures);
    return entries == 0 || failures != 0 ? 1 : 0;
}
