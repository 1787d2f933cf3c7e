/* A signed head whose size lies within entries that gave the root of a larger signed head: their tree does
 * not equal it, so the log signed two trees that contradict each other, and no fresh bytes can change that.
 * While the entries are at hand the nodes are kept that show it: what begins the larger tree, and what leads
 * from there to its signed root (RFC 9162 section 2.1.4: a consistency proof of our own, which needs neither
 * the log nor anybody's word). claims.c asks the log as well, and tells. Settler's thread. */
#ifndef CTVIGIL_REFUTE_H
#define CTVIGIL_REFUTE_H

#include "ingest/job.h"
#include "ingest/leafkeep.h"
#include "model/compact.h"
#include "model/head.h"

#define REFUTE_NODES_MAX 128 /* perfect trees between two sizes */

struct refute {
    struct head head;      /* without raw */
    struct head tree;      /* the larger one, without raw */
    struct compact before; /* in front of the leaves; size 0: nothing is */
    struct compact begin;  /* of head.size, computed */
    uint8_t node[REFUTE_NODES_MAX][32];
    size_t node_count;
    struct leafkeep leaves; /* from before.size to head.size; their bytes while they are few */
};

/* `jobs` follow each other from before->size on and hold the entries up to tree->size. NULL: out of memory.
 */
MUST_USE struct refute *refute_new(const struct head *head, const struct head *tree,
                                   const struct compact *before, struct job *const *jobs, size_t count);
void refute_free(struct refute *refute);
/* Is it about this head? NULL is about none. */
bool refute_is(const struct refute *refute, const struct head *head);

#endif
