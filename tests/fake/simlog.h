/* The log itself: entries, tree, signed heads, issuers. One tree, served in two forms by simview.h. All
 * functions with a lock note are called between simlog_read or simlog_write and simlog_done; the others take
 * no lock at all. */
#ifndef CTVIGIL_SIMLOG_H
#define CTVIGIL_SIMLOG_H

#include <openssl/evp.h>

#include "simform.h"
#include "simtree.h"

#define SIMLOG_ENTRY_MAX (33u << 20) /* leaf and precertificate of up to 16 MB each */

struct simlog_entry {
    uint8_t *bytes; /* leaf, then precertificate */
    uint32_t leaf_len;
    uint32_t precert_len;
    uint32_t chain;
    bool has_precert;
};

struct simlog_head {
    uint64_t size;
    int64_t timestamp_ms;
    uint8_t root[32];
    uint8_t signature[128]; /* DigitallySigned */
    size_t signature_len;
};

struct simlog;

/* `label` decides the key. `with_index`: new leaves carry their leaf_index, as static-ct demands. */
struct simlog *simlog_new(const char *label, bool with_index);
void simlog_free(struct simlog *log);

void simlog_read(struct simlog *log);
void simlog_write(struct simlog *log);
void simlog_done(struct simlog *log);

/* Constant after simlog_new. */
struct span simlog_key(const struct simlog *log); /* DER SubjectPublicKeyInfo */
const uint8_t *simlog_id(const struct simlog *log);
void simlog_sign(const struct simlog *log, struct span message, struct buf *out);
/* A head of this content, validly signed, or signed with another key. */
void simlog_sign_head(const struct simlog *log, struct simlog_head *head, bool wrong_key);

/* Write lock. A chain is what extra_data ends with and the fingerprints a tile ends with; the same one is
 * kept once. simlog_chain_raw keeps an extra_data that could not be read, as it is. */
uint32_t simlog_chain(struct simlog *log, const struct span *certs, size_t count);
uint32_t simlog_chain_fingerprints(struct simlog *log, struct span fingerprints);
uint32_t simlog_chain_raw(struct simlog *log, struct span extra_data);
/* CtExtensions for the entry that is appended next. */
void simlog_extensions(const struct simlog *log, struct buf *out);
/* Copies; returns the index. */
uint64_t simlog_append(struct simlog *log, struct span leaf, const struct span *precert, uint32_t chain);
/* Signs a head over the entries but the last `withhold` (never a smaller one than before). */
void simlog_publish(struct simlog *log, uint64_t withhold);

/* Read lock. */
uint64_t simlog_size(const struct simlog *log);
const struct simlog_head *simlog_head(const struct simlog *log);
const struct simtree *simlog_tree(const struct simlog *log);
const struct simlog_entry *simlog_entry(const struct simlog *log, uint64_t index);
struct span simlog_leaf(const struct simlog_entry *entry);
/* Appends the entry's extra_data, or what a tile has after the leaf. */
void simlog_put_extra(const struct simlog *log, const struct simlog_entry *entry, struct buf *out);
void simlog_put_tail(const struct simlog *log, const struct simlog_entry *entry, struct buf *out);
/* Was a head of a size in [from, to) ever published? */
bool simlog_published(const struct simlog *log, uint64_t from, uint64_t to);
/* The issuer certificate of that SHA-256; absent: none. */
struct span simlog_issuer(const struct simlog *log, const uint8_t sha256[32]);

#endif
