/* Reads the account of a contradiction (evidence.h) back, for verify/account.h: the heads out of the bytes
 * that the log sent, leaf hashes out of the entries, and the proof by following the log's answers with the
 * same little machine that asked for them (frontier.h). Nothing in the document is believed here, and it may
 * be hostile. No network. */
#ifndef CTVIGIL_BUNDLE_H
#define CTVIGIL_BUNDLE_H

#include "base/err.h"
#include "verify/account.h"

#define BUNDLE_KIND_MAX     32
#define BUNDLE_TEXT_MAX     512
#define BUNDLE_LEFT_OUT_MAX 8

struct bundle {
    struct account account;
    char kind[BUNDLE_KIND_MAX];
    /* For people, as they stand in the document: hostile bytes, to be made visible. */
    char sentence[BUNDLE_TEXT_MAX];
    char time[BUNDLE_TEXT_MAX];
    char version[BUNDLE_TEXT_MAX];
    char hash_tile[BUNDLE_TEXT_MAX];
    char data_tile[BUNDLE_TEXT_MAX];
    char left_out[BUNDLE_LEFT_OUT_MAX][BUNDLE_TEXT_MAX];
    size_t left_out_count;
    void *document; /* what the account's spans point into */
    void *bytes;
};

/* ERR_FORMAT: not such a document, or one of its members is none. ERR_TOO_BIG: above LIMIT_ACCOUNT_BYTES. The
 * text need not stay. */
MUST_USE enum err_code bundle_read(struct span text, struct bundle **bundle, struct err *why);
void bundle_free(struct bundle *bundle);

#endif
