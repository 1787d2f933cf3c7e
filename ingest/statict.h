/* static-ct-api (C2SP): checkpoint, data tiles, issuers, and the hash tiles a frontier can be rebuilt from.
 */
#ifndef CTVIGIL_STATICT_H
#define CTVIGIL_STATICT_H

#include "ingest/proto.h"
#include "model/compact.h"

#define STATICT_LEVELS 6 /* level 5 tiles cover 256^6 entries, more than the 40 bits of leaf_index */

const struct proto *statict_proto(void);
/* The same for trees that were not made by a static-ct log: a leaf without extensions has no leaf_index, and
 * nothing is odd about that. */
const struct proto *statict_unindexed(void);

void statict_issuer_url(const struct ctlog *log, const uint8_t sha256[32], char url[PROTO_URL_MAX]);

/* The hash tile that holds level `level` of the frontier of `size`, as it exists in a tree of `tree_size` >=
 * size. Returns how many hashes of it belong to the frontier; 0: none, nothing to fetch. *width: how many it
 * holds. With `full` the full tile is named instead (a partial one may be gone once the full one exists). */
unsigned statict_hash_tile(const struct ctlog *log, int level, uint64_t size, uint64_t tree_size, bool full,
                           char url[PROTO_URL_MAX], unsigned *width);
/* Takes up to `count` leading hashes of a hash tile and appends their frontier nodes to `nodes` from *at on,
 * largest first. False: too few bytes. Tiles are fed from the highest level down. */
MUST_USE bool statict_hash_nodes(struct span tile, unsigned count, uint8_t nodes[COMPACT_MAX][32],
                                 size_t *at);

#endif
