#include "parser/leaf.h"

#include "parser/sctlist.h"

enum { ENTRY_TYPE_X509 = 0, ENTRY_TYPE_PRECERT = 1 };

enum framing {
    FRAMING_LOST, /* nobody knows where it ends */
    FRAMING_ODD,  /* it ends where it says, and is no entry all the same */
    FRAMING_FITS,
};

/* From the timestamp to the end of CtExtensions: common to MerkleTreeLeaf and TileLeaf. Unless it fits,
 * `entry` is as before, apart from findings. */
static enum framing read_timestamped(struct cur *in, struct entry *entry, uint64_t *type)
{
    bool odd;
    int64_t timestamp = (int64_t)cur_uint(in, 8);
    struct span hash = SPAN_NONE;

    *type = cur_uint(in, 2);
    if (!in->failed && *type > ENTRY_TYPE_PRECERT) {
        finding_add(&entry->findings, FINDING_LEAF_ENTRY_TYPE);
        return FRAMING_LOST;
    }
    if (*type == ENTRY_TYPE_PRECERT)
        hash = cur_bytes(in, 32);
    struct span body = cur_vector(in, 3);
    struct span extensions = cur_vector(in, 2);
    if (in->failed || body.len == 0 || timestamp < 0) {
        finding_add(&entry->findings, FINDING_LEAF_UNREADABLE);
        return in->failed ? FRAMING_LOST : FRAMING_ODD;
    }
    entry->kind = *type == ENTRY_TYPE_X509 ? ENTRY_X509 : ENTRY_PRECERT;
    entry->timestamp_ms = timestamp;
    entry->issuer_key_hash = hash;
    entry->cert_der = *type == ENTRY_TYPE_X509 ? body : SPAN_NONE;
    entry->tbs = *type == ENTRY_TYPE_X509 ? SPAN_NONE : body;
    entry->extensions = extensions;
    entry->leaf_index = sctlist_leaf_index(extensions, &odd);
    if (odd)
        finding_add(&entry->findings, FINDING_LEAF_INDEX);
    return FRAMING_FITS;
}

void leaf_read(struct span leaf_input, struct entry *entry)
{
    struct cur in = cur_of(leaf_input);
    uint64_t type;

    entry->kind = ENTRY_OPAQUE;
    entry->leaf = leaf_input;
    entry->leaf_index = -1;
    uint64_t version = cur_uint(&in, 1);
    uint64_t leaf_type = cur_uint(&in, 1);
    if (!in.failed && (version != 0 || leaf_type != 0)) {
        finding_add(&entry->findings, FINDING_LEAF_VERSION);
        return;
    }
    if (read_timestamped(&in, entry, &type) == FRAMING_FITS && !cur_done(&in))
        finding_add(&entry->findings, FINDING_LEAF_TRAILING);
}

/* ASN.1Cert certificate_chain<0..2^24-1>: what fits is kept even when the end does not. */
static bool read_chain(struct cur *in, struct entry *entry)
{
    struct span chain = cur_vector(in, 3);
    struct cur certs = cur_of(chain);

    entry->chain_count = 0;
    while (!certs.failed && certs.at != certs.end) {
        struct span cert = cur_vector(&certs, 3);
        if (!certs.failed && entry->chain_count < ENTRY_CHAIN_MAX)
            entry->unverified_chain[entry->chain_count++] = cert;
    }
    return !in->failed && !certs.failed;
}

void leaf_read_extra(struct span extra_data, struct entry *entry)
{
    struct cur in = cur_of(extra_data);
    bool fits;

    entry->extra = extra_data;
    entry->unverified_precert = SPAN_NONE;
    entry->chain_count = 0;
    if (entry->kind == ENTRY_OPAQUE)
        return;
    if (entry->kind == ENTRY_PRECERT)
        entry->unverified_precert = cur_vector(&in, 3);
    fits = read_chain(&in, entry) && cur_done(&in);
    if (!fits || (entry->kind == ENTRY_PRECERT && entry->unverified_precert.len == 0))
        finding_add(&entry->findings, FINDING_EXTRA_UNREADABLE);
}

bool leaf_extra_of_tile(enum entry_kind kind, struct span extra_data)
{
    struct cur in = cur_of(extra_data);
    if (kind == ENTRY_PRECERT)
        (void)cur_vector(&in, 3);
    struct span fingerprints = cur_vector(&in, 2);
    return kind != ENTRY_OPAQUE && fingerprints.len % 32 == 0 && cur_done(&in);
}

/* What a TileLeaf adds to the leaf, of an entry that fits. */
static void take_extra(struct entry *entry, struct span precert, struct span fingerprints)
{
    entry->unverified_precert = precert;
    entry->unverified_fingerprints = span_part(fingerprints, 0, fingerprints.len - fingerprints.len % 32);
    if (fingerprints.len % 32 != 0 || (entry->kind == ENTRY_PRECERT && precert.len == 0))
        finding_add(&entry->findings, FINDING_EXTRA_UNREADABLE);
    if (entry->leaf_index < 0 || (uint64_t)entry->leaf_index != entry->index)
        finding_add(&entry->findings, FINDING_LEAF_INDEX);
}

bool leaf_read_tile(struct cur *tile, uint8_t *leaf_room, size_t leaf_room_size, struct entry *entry)
{
    struct entry sizing = {.index = entry->index};
    struct cur in = *tile;
    struct span precert = SPAN_NONE;
    uint64_t type;

    entry->kind = ENTRY_OPAQUE;
    entry->leaf_index = -1;
    enum framing framing = read_timestamped(&in, &sizing, &type);
    size_t length = (size_t)(in.at - tile->at);
    if (framing != FRAMING_LOST && type == ENTRY_TYPE_PRECERT)
        precert = cur_vector(&in, 3);
    struct span fingerprints = cur_vector(&in, 2);
    /* Nothing is given out of a leaf that can not be delimited. */
    if (framing == FRAMING_LOST || in.failed || leaf_room_size < length + 2) {
        entry->findings = sizing.findings;
        if (framing != FRAMING_LOST)
            finding_add(&entry->findings, FINDING_LEAF_UNREADABLE);
        return false;
    }
    leaf_room[0] = 0;
    leaf_room[1] = 0;
    memcpy(leaf_room + 2, tile->at, length);
    /* The facts point into the leaf, so that what is believed is what is hashed. */
    struct cur leaf = cur_of(span_of(leaf_room + 2, length));
    must(read_timestamped(&leaf, entry, &type) == framing && cur_done(&leaf));
    entry->leaf = span_of(leaf_room, length + 2);
    entry->extra = span_of(tile->at + length, (size_t)(in.at - tile->at) - length);
    if (framing == FRAMING_FITS)
        take_extra(entry, precert, fingerprints);
    *tile = in;
    return true;
}
