/* Framing: facts lie inside the leaf, a readable leaf is covered to its last byte or says so, and the same
 * entry as TileLeaf gives the same facts and the same leaf bytes. */
#include <stdlib.h>

#include "parser/leaf.h"
#include "tests/fuzz/inside.h"

static void inside_entry(struct span input, const struct entry *entry)
{
    inside(input, entry->cert_der);
    inside(input, entry->tbs);
    inside(input, entry->issuer_key_hash);
    inside(input, entry->extensions);
    must((entry->kind == ENTRY_X509) == (entry->cert_der.at != NULL));
    must((entry->kind == ENTRY_PRECERT) == (entry->tbs.at != NULL));
    must(entry->kind != ENTRY_PRECERT || entry->issuer_key_hash.len == 32);
}

/* The leaf as a tile would hold it: without version and type, with empty pre_certificate and chain behind. */
static void as_tile(const struct entry *leaf)
{
    size_t tail = leaf->kind == ENTRY_PRECERT ? 5 : 2;
    size_t len = leaf->leaf.len - 2 + tail;
    uint8_t *tile = calloc(1, len);
    uint8_t *room = malloc(len + 2);
    struct entry entry = {.index = leaf->leaf_index >= 0 ? (uint64_t)leaf->leaf_index : 7};

    must(tile != NULL && room != NULL);
    memcpy(tile, leaf->leaf.at + 2, leaf->leaf.len - 2);
    struct cur cur = cur_of(span_of(tile, len));
    must(leaf_read_tile(&cur, room, len + 2, &entry) && cur_done(&cur));
    must(span_eq(entry.leaf, leaf->leaf) && entry.kind == leaf->kind);
    must(entry.timestamp_ms == leaf->timestamp_ms && span_eq(entry.cert_der, leaf->cert_der));
    must(span_eq(entry.tbs, leaf->tbs) && span_eq(entry.issuer_key_hash, leaf->issuer_key_hash));
    must(entry.leaf_index == leaf->leaf_index);
    inside_entry(span_of(room, len + 2), &entry);
    free(room);
    free(tile);
}

static void as_tiles(struct span input)
{
    struct cur cur = cur_of(input);
    uint8_t *room = malloc(input.len + 2);

    must(room != NULL);
    while (cur_left(&cur) != 0) {
        struct entry entry = {.index = 0};
        const uint8_t *before = cur.at;
        if (!leaf_read_tile(&cur, room, leaf_tile_room(&cur), &entry)) {
            must(cur.at == before && entry.kind == ENTRY_OPAQUE);
            break;
        }
        must(cur.at > before);
        inside_entry(span_of(room, input.len + 2), &entry);
        inside(input, entry.unverified_precert);
        inside(input, entry.unverified_fingerprints);
        inside(input, entry.extra);
    }
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct entry entry = {.index = 0};

    leaf_read(input, &entry);
    must(entry.leaf.at == data && entry.leaf.len == size);
    inside_entry(input, &entry);
    must(entry.kind != ENTRY_OPAQUE || !finding_none(&entry.findings));
    if (entry.kind != ENTRY_OPAQUE && !finding_has(&entry.findings, FINDING_LEAF_TRAILING)) {
        must(entry.extensions.at + entry.extensions.len == data + size);
        as_tile(&entry);
    }
    for (enum entry_kind kind = ENTRY_X509; kind <= ENTRY_OPAQUE; kind++) {
        struct entry extra = {.kind = kind};
        leaf_read_extra(input, &extra);
        inside(input, extra.unverified_precert);
        must(extra.chain_count <= ENTRY_CHAIN_MAX);
        for (uint32_t i = 0; i < extra.chain_count; i++)
            inside(input, extra.unverified_chain[i]);
    }
    as_tiles(input);
    return 0;
}
