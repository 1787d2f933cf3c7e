/* The frontier of a tree that is joined late, rebuilt from what the log says about it and proven against a
 * signed head: RFC 6962 by get-entry-and-proof and get-sth-consistency, static-ct by hash tiles alone (C2SP
 * tlog-tiles; RFC 9162 section 2.1). The same for a smaller signed head: does its tree begin the larger one?
 * A little machine without I/O: it names the next document, and takes it. */
#ifndef CTVIGIL_FRONTIER_H
#define CTVIGIL_FRONTIER_H

#include "ingest/proto.h"
#include "model/compact.h"

enum frontier_step { FRONTIER_REBUILD, FRONTIER_DIRECT, FRONTIER_PROVE, FRONTIER_DONE };

struct frontier {
    enum frontier_step step;
    bool tiles;
    uint64_t tree; /* of the signed head */
    uint8_t root[32];
    struct compact unverified; /* what was asked for; proven at FRONTIER_DONE */
    bool full;                 /* the partial tile was not there: the full one is asked for */
    int level;                 /* tiles: of the document asked for */
    unsigned width;            /* how many hashes of it are used */
    uint8_t nodes[COMPACT_MAX][32];
    size_t count;
    struct compact walk; /* tiles: from the frontier up to the signed root */
    uint8_t claim[32];   /* the root to be proven, */
    bool direct;         /* and it was, without a frontier: `unverified` is not set */
};

/* 0 < size <= head->size. */
void frontier_begin(struct frontier *frontier, bool tiles, uint64_t size, const struct head *head);
/* Does the tree of `claim` begin that of `tree`? 0 < claim->size < tree->size. At FRONTIER_DONE
 * frontier_fits has the answer. */
void frontier_begin_claim(struct frontier *frontier, bool tiles, const struct head *claim,
                          const struct head *tree);
/* The next document. False: none is needed any more; *code says whether the frontier is proven (ERR_OK) or
 * does not fit the signed root (ERR_PROOF). */
MUST_USE bool frontier_url(struct frontier *frontier, const struct ctlog *log, char url[PROTO_URL_MAX],
                           enum err_code *code);
/* Takes the document. ERR_FORMAT, ERR_PROOF: begin again. */
MUST_USE enum err_code frontier_take(struct frontier *frontier, struct span body, struct err *why);
/* The document came with this status instead. True: it is not there (404, 403; a proof: any 4xx), and another
 * one is asked for in its place. */
MUST_USE bool frontier_absent(struct frontier *frontier, long status);
/* A claim at FRONTIER_DONE: does the tree begin with what the smaller head signed? False: the log proved
 * another tree of that size. */
bool frontier_fits(const struct frontier *frontier);

#endif
