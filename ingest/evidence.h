/* The account of a log that contradicted itself: one JSON document from which others can check it again,
 * without the log and without trusting us (`ctvigil log verify`, ingest/bundle.h): the key, the heads as
 * received, the frontier and the signed head that it equals, the entries, what the log answered when it was
 * asked for proofs, what was computed. Bounded (base/limits.h); what did not fit is named in it. Written to a
 * file and given to the store. */
#ifndef CTVIGIL_EVIDENCE_H
#define CTVIGIL_EVIDENCE_H

#include "ingest/leafkeep.h"
#include "ingest/refute.h"
#include "ingest/settle.h"

struct evidence {
    const char *kind; /* as in struct store_evidence */
    uint64_t begin;
    uint64_t end;
    const struct head *head;        /* the one that does not fit; NULL: none was needed (bad_tile) */
    const struct head *other;       /* the second head, or what was computed (raw absent); NULL: neither */
    const struct compact *frontier; /* in front of the leaves; NULL: unknown */
    bool frontier_from_log;      /* it was not computed from entries: the log gave it, and proved it once */
    struct leafkeep *leaves;     /* NULL: none */
    const char *answers;         /* JSON text: the log's answers when it was asked for proofs; NULL: none */
    bool asked_since;            /* among them: does `head` begin with what the frontier is? */
    const struct refute *refute; /* the nodes that lead from `head` to `other`; NULL: not known */
    const char *data_tile;       /* bad_tile: paths, and the bytes of the hash tile; NULL: none */
    const char *hash_tile;
    int hash_tile_level; /* 1: of nodes; 0: of the hashes of the entries themselves */
    struct span hash_tile_bytes;
    struct span leaf_tile_bytes; /* the same of level 0; empty: it did not come */
    bool others; /* the log serves other entries now than it did: what is stored of them is shown as well */
    const char *sentence;
};

/* Writes it down, unless there is one like it, or too many came within the hour (store.h: account_room).
 * Retries while the database is away. */
MUST_USE enum err_code evidence_keep(struct settle *settle, const struct follow *follow,
                                     const struct evidence *evidence, struct err *why);
/* Gives a tree of known size and root its signed bytes, when the store has a head of exactly that. They live
 * until the store is next asked for heads. */
void evidence_signed(struct settle *settle, const struct follow *follow, struct head *tree);

#endif
