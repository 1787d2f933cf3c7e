#include "simlog.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "simkey.h"
#include "verify/digest.h"
#include "verify/merkle.h"
#include "verify/sth.h"

struct simlog_chain {
    struct buf extra; /* u24 total and certificates, or a whole extra_data */
    struct buf tail;  /* u16 length and fingerprints */
    uint8_t id[32];   /* SHA-256 of both, to keep the same one once */
    bool raw;
};

struct simlog_cert {
    uint8_t sha256[32];
    struct buf der;
};

struct simlog {
    pthread_rwlock_t lock;
    EVP_PKEY *key;
    EVP_PKEY *wrong_key;
    struct buf spki;
    uint8_t id[32];
    bool with_index;
    struct simtree tree;
    struct simlog_entry *entries;
    size_t entry_cap;
    struct simlog_chain *chains;
    size_t chain_count;
    size_t chain_cap;
    struct simlog_cert *certs;
    size_t cert_count;
    size_t cert_cap;
    uint64_t *sizes; /* of the published heads, rising */
    size_t size_count;
    size_t size_cap;
    struct simlog_head head;
};

/* Room for one more element. */
static void *simlog_grow(void *array, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return array;
    *cap = *cap == 0 ? 64 : *cap * 2;
    array = realloc(array, *cap * size);
    must(array != NULL);
    return array;
}

struct simlog *simlog_new(const char *label, bool with_index)
{
    struct simlog *log = calloc(1, sizeof *log);

    must(log != NULL && pthread_rwlock_init(&log->lock, NULL) == 0);
    log->key = simkey_ec(label, 1);
    log->wrong_key = simkey_ec(label, 2);
    log->with_index = with_index;
    buf_init(&log->spki, 4096);
    simkey_spki(log->key, &log->spki);
    digest_sha256(buf_span(&log->spki), log->id);
    simlog_publish(log, 0);
    return log;
}

void simlog_free(struct simlog *log)
{
    for (uint64_t i = 0; i < simlog_size(log); i++)
        free(log->entries[i].bytes);
    for (size_t i = 0; i < log->chain_count; i++) {
        buf_fini(&log->chains[i].extra);
        buf_fini(&log->chains[i].tail);
    }
    for (size_t i = 0; i < log->cert_count; i++)
        buf_fini(&log->certs[i].der);
    free(log->entries);
    free(log->chains);
    free(log->certs);
    free(log->sizes);
    simtree_fini(&log->tree);
    buf_fini(&log->spki);
    EVP_PKEY_free(log->key);
    EVP_PKEY_free(log->wrong_key);
    (void)pthread_rwlock_destroy(&log->lock);
    free(log);
}

void simlog_read(struct simlog *log)
{
    must(pthread_rwlock_rdlock(&log->lock) == 0);
}

void simlog_write(struct simlog *log)
{
    must(pthread_rwlock_wrlock(&log->lock) == 0);
}

void simlog_done(struct simlog *log)
{
    must(pthread_rwlock_unlock(&log->lock) == 0);
}

struct span simlog_key(const struct simlog *log)
{
    return buf_span(&log->spki);
}

const uint8_t *simlog_id(const struct simlog *log)
{
    return log->id;
}

void simlog_sign(const struct simlog *log, struct span message, struct buf *out)
{
    simkey_sign(log->key, message, out);
}

void simlog_sign_head(const struct simlog *log, struct simlog_head *head, bool wrong_key)
{
    uint8_t message[STH_MESSAGE_BYTES];
    struct buf signature;

    sth_message(head->size, head->timestamp_ms, head->root, message);
    buf_init(&signature, sizeof head->signature);
    simkey_sign(wrong_key ? log->wrong_key : log->key, span_of(message, sizeof message), &signature);
    must(buf_ok(&signature));
    memcpy(head->signature, signature.at, signature.len);
    head->signature_len = signature.len;
    buf_fini(&signature);
}

static void simlog_add_cert(struct simlog *log, struct span der, const uint8_t sha256[32])
{
    struct simlog_cert *cert;

    if (simlog_issuer(log, sha256).at != NULL)
        return;
    log->certs = simlog_grow(log->certs, log->cert_count, &log->cert_cap, sizeof *log->certs);
    cert = &log->certs[log->cert_count++];
    memcpy(cert->sha256, sha256, 32);
    buf_init(&cert->der, SIMLOG_ENTRY_MAX);
    buf_put(&cert->der, der);
    must(buf_ok(&cert->der));
}

/* Takes both buffers over. */
static uint32_t simlog_intern(struct simlog *log, struct buf *extra, struct buf *tail, bool raw)
{
    uint8_t kind = raw ? 1 : 0;
    struct span pieces[3] = {span_of(&kind, 1), buf_span(extra), buf_span(tail)};
    struct simlog_chain *chain;
    uint8_t id[32];

    must(buf_ok(extra) && buf_ok(tail));
    digest_sha256_pieces(pieces, 3, id);
    for (size_t i = log->chain_count; i > 0; i--) {
        if (memcmp(log->chains[i - 1].id, id, 32) == 0) {
            buf_fini(extra);
            buf_fini(tail);
            return (uint32_t)(i - 1);
        }
    }
    log->chains = simlog_grow(log->chains, log->chain_count, &log->chain_cap, sizeof *log->chains);
    chain = &log->chains[log->chain_count];
    chain->extra = *extra;
    chain->tail = *tail;
    chain->raw = raw;
    memcpy(chain->id, id, 32);
    return (uint32_t)log->chain_count++;
}

uint32_t simlog_chain(struct simlog *log, const struct span *certs, size_t count)
{
    struct buf extra, tail;

    buf_init(&extra, SIMLOG_ENTRY_MAX);
    buf_init(&tail, SIMLOG_ENTRY_MAX);
    simform_chain(&extra, certs, count);
    buf_u16(&tail, (uint16_t)(count * 32));
    for (size_t i = 0; i < count; i++) {
        uint8_t sha256[32];
        digest_sha256(certs[i], sha256);
        simlog_add_cert(log, certs[i], sha256);
        buf_put(&tail, span_of(sha256, 32));
    }
    return simlog_intern(log, &extra, &tail, false);
}

uint32_t simlog_chain_fingerprints(struct simlog *log, struct span fingerprints)
{
    struct buf extra, tail;

    buf_init(&extra, SIMLOG_ENTRY_MAX);
    buf_init(&tail, SIMLOG_ENTRY_MAX);
    simform_chain(&extra, NULL, 0);
    buf_u16(&tail, (uint16_t)fingerprints.len);
    buf_put(&tail, fingerprints);
    return simlog_intern(log, &extra, &tail, false);
}

uint32_t simlog_chain_raw(struct simlog *log, struct span extra_data)
{
    struct buf extra, tail;

    buf_init(&extra, SIMLOG_ENTRY_MAX);
    buf_init(&tail, SIMLOG_ENTRY_MAX);
    buf_put(&extra, extra_data);
    buf_u16(&tail, 0);
    return simlog_intern(log, &extra, &tail, true);
}

void simlog_extensions(const struct simlog *log, struct buf *out)
{
    if (log->with_index)
        simform_leaf_index(out, simlog_size(log));
}

uint64_t simlog_append(struct simlog *log, struct span leaf, const struct span *precert, uint32_t chain)
{
    uint64_t index = simlog_size(log);
    size_t precert_len = precert == NULL ? 0 : precert->len;
    struct simlog_entry *entry;
    uint8_t hash[32];

    must(leaf.len <= SIMLOG_ENTRY_MAX && precert_len <= SIMLOG_ENTRY_MAX && chain < log->chain_count);
    log->entries = simlog_grow(log->entries, (size_t)index, &log->entry_cap, sizeof *log->entries);
    entry = &log->entries[index];
    entry->bytes = malloc(leaf.len + precert_len + 1);
    must(entry->bytes != NULL);
    memcpy(entry->bytes, leaf.at, leaf.len);
    if (precert_len > 0)
        memcpy(entry->bytes + leaf.len, precert->at, precert_len);
    entry->leaf_len = (uint32_t)leaf.len;
    entry->precert_len = (uint32_t)precert_len;
    entry->chain = chain;
    entry->has_precert = precert != NULL;
    merkle_leaf_hash(leaf, hash);
    simtree_append(&log->tree, hash);
    return index;
}

void simlog_publish(struct simlog *log, uint64_t withhold)
{
    uint64_t size = simlog_size(log);
    struct simlog_head *head = &log->head;

    size = size > withhold ? size - withhold : 0;
    if (size > head->size)
        head->size = size;
    /* The timestamps of one log rise. */
    head->timestamp_ms = clock_wall_ms() > head->timestamp_ms ? clock_wall_ms() : head->timestamp_ms + 1;
    simtree_hash(&log->tree, 0, head->size, head->root);
    simlog_sign_head(log, head, false);
    if (log->size_count > 0 && log->sizes[log->size_count - 1] == head->size)
        return;
    log->sizes = simlog_grow(log->sizes, log->size_count, &log->size_cap, sizeof *log->sizes);
    log->sizes[log->size_count++] = head->size;
}

uint64_t simlog_size(const struct simlog *log)
{
    return simtree_size(&log->tree);
}

const struct simlog_head *simlog_head(const struct simlog *log)
{
    return &log->head;
}

const struct simtree *simlog_tree(const struct simlog *log)
{
    return &log->tree;
}

const struct simlog_entry *simlog_entry(const struct simlog *log, uint64_t index)
{
    must(index < simlog_size(log));
    return &log->entries[index];
}

struct span simlog_leaf(const struct simlog_entry *entry)
{
    return span_of(entry->bytes, entry->leaf_len);
}

static void simlog_put_precert(const struct simlog_entry *entry, struct buf *out)
{
    if (!entry->has_precert)
        return;
    buf_u24(out, entry->precert_len);
    buf_put(out, span_of(entry->bytes + entry->leaf_len, entry->precert_len));
}

void simlog_put_extra(const struct simlog *log, const struct simlog_entry *entry, struct buf *out)
{
    const struct simlog_chain *chain = &log->chains[entry->chain];

    if (!chain->raw)
        simlog_put_precert(entry, out);
    buf_put(out, buf_span(&chain->extra));
}

void simlog_put_tail(const struct simlog *log, const struct simlog_entry *entry, struct buf *out)
{
    simlog_put_precert(entry, out);
    buf_put(out, buf_span(&log->chains[entry->chain].tail));
}

bool simlog_published(const struct simlog *log, uint64_t from, uint64_t to)
{
    size_t low = 0;
    size_t high = log->size_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->sizes[middle] < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low < log->size_count && log->sizes[low] < to;
}

struct span simlog_issuer(const struct simlog *log, const uint8_t sha256[32])
{
    for (size_t i = 0; i < log->cert_count; i++) {
        if (memcmp(log->certs[i].sha256, sha256, 32) == 0)
            return buf_span(&log->certs[i].der);
    }
    return SPAN_NONE;
}
