/* PRIVATE TO db/. Where hashes are found in the logs, as the rows of place_block: keys are gathered, sorted
 * and cut into blocks, each of one bucket. What a level and a bucket are: sql/0061_place_block.sql. */
#ifndef CTVIGIL_PLACESET_H
#define CTVIGIL_PLACESET_H

#include "db/copy.h"
#include "model/batch.h"

#define PLACESET_KINDS  2 /* the first 8 bytes of tbs_fp, and of SHA-256 */
#define PLACESET_LEVELS 9
#define PLACESET_BITS   3 /* more of its hash with each level */
#define PLACESET_BYTES  7 /* of a place: log << 40 | index */

struct placeset_item {
    int64_t key;
    uint64_t place;
};

struct placeset {
    struct placeset_item *items;
    struct placeset_item *spare; /* of the same size */
    size_t count;
    size_t cap;
};

void placeset_fini(struct placeset *set);

/* Makes it empty, with room for so many. */
MUST_USE enum err_code placeset_begin(struct placeset *set, size_t room, struct err *why);
void placeset_add(struct placeset *set, int64_t key, uint64_t place);
/* Is that a block as placeset_put makes them: binary int8[] and the bytes beside it, as the server sends
 * them? Sorted, all of the bucket, no more than LIMIT_PLACE_BLOCK, each with a place in a log that may be. */
MUST_USE bool placeset_is_block(unsigned level, int64_t bucket, struct span keys, struct span places);
/* The first 3 * level bits. */
uint32_t placeset_bucket(int64_t key, unsigned level);
/* Keys that can be read in something that is no block, up to LIMIT_PLACE_BLOCK. */
size_t placeset_keys(struct span keys, int64_t *out);
/* The keys of a block. ERR_DB: there is no room for it, or its halves do not fit; what it held before it is
 * in the set. */
MUST_USE enum err_code placeset_add_block(struct placeset *set, struct span keys, struct span places,
                                          struct err *why);

/* The level where so many keys make blocks worth a row: at least LIMIT_PLACE_FEW in a bucket. */
unsigned placeset_level(size_t count);
/* Sorts, drops what is there twice, and writes the blocks: rows of place_block (kind, level, bucket, keys,
 * places). *blocks is raised by how many. */
void placeset_put(struct placeset *set, struct copy *copy, unsigned kind, unsigned level, uint64_t *blocks);

/* The places of consecutive batches of one log, of both kinds, by one COPY. *blocks: how many were written.
 */
MUST_USE enum err_code placeset_store(struct placeset *set, struct copy *copy, struct pgconn *conn,
                                      struct batch *const *batches, size_t count, uint64_t *blocks,
                                      struct err *why);

#define PLACESET_COPY "COPY place_block (kind, level, bucket, keys, places) FROM STDIN (FORMAT binary)"

#endif
