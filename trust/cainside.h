/* PRIVATE TO trust/: the inside of struct cagraph, for who builds it (cagraph.c), works out its ways
 * (caways.c) and nobody else. */
#ifndef CTVIGIL_CAINSIDE_H
#define CTVIGIL_CAINSIDE_H

#include <stdatomic.h>

#include "trust/cagraph.h"

struct cainside_mark { /* a rule, found by a hash */
    uint8_t hash[32];
    uint32_t rule;
};

struct cagraph {
    atomic_uint pins;
    int64_t bundle_ms;
    int64_t bundle_id;
    uint64_t version;
    struct cafacts *cert; /* by key, subject, hash */
    size_t cert_count;
    uint32_t *by_hash; /* certificates by SHA-256 */
    struct carule *rule;
    size_t rule_count;
    struct cainside_mark *mark; /* by hash */
    size_t mark_count;
    struct cagraph_source source[CAGRAPH_SOURCES_MAX];
    size_t source_count;
    struct cagraph_ca *ca; /* by key, subject */
    size_t ca_count;
    uint32_t *by_subject; /* CAs by subject, key */
    uint32_t *ca_of;      /* of each certificate */
    uint32_t *up_from;    /* cert_count + 1: where its CAs begin in up */
    uint32_t *up;
    uint32_t *down_from; /* ca_count + 1: where the certificates it certifies begin in down */
    uint32_t *down;
    struct capath_set *ways[VERDICT_STORES]; /* of each CA */
    void **text;                             /* what strings and names point into */
    size_t text_count;
    size_t text_cap;
};

/* Everything that is to be worked out; the rest of the graph is there. */
void caways_find(struct cagraph *graph);
/* Ways that begin at this CA as a root of the store. `certs` may be 0. */
void caways_begin(const struct cagraph *graph, const uint8_t subject[32], const uint8_t key[32],
                  uint32_t certs, uint32_t cert_count, enum verdict_store store, struct capath_set *set);

#endif
