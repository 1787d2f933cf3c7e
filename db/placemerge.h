/* PRIVATE TO db/. Keeps few blocks to look into for a hash. Each commit puts blocks of its own into each
 * bucket of a level; where a bucket has LIMIT_PLACE_FAN of them, they are taken out, a stretch of buckets at
 * a time, and put into the eight buckets of the next level that are parts of it, as one block each. So a key
 * is written once a level, of which there are as many as octal digits in the number of keys.
 *
 * A backfill merges when there are eight times as many, into the sixty-four buckets of the level after the
 * next, so that a key is written half as often; meanwhile a hash is looked for in that many more blocks.
 *
 * Each step is a transaction of its own, of bounded size, after a commit: no other session waits for it,
 * several processes take different levels, and who is killed leaves all as it was. The next commit of this
 * session comes behind it. A row that is no block is taken out and noted (db/placebad.h); the others go on.
 */
#ifndef CTVIGIL_PLACEMERGE_H
#define CTVIGIL_PLACEMERGE_H

#include "db/placeset.h"

struct placemerge {
    struct placeset set;
    uint64_t fresh; /* blocks written since it was looked whether there is something to do */
    uint64_t dead;  /* blocks taken out since the space was made free again */
    int64_t since_ms;
    bool load;    /* a backfill: less often, and past a level at a time */
    uint64_t bad; /* rows that were no blocks, since that was said */
    bool warned;  /* at warned_ms, that it fails */
    int64_t warned_ms;
};

void placemerge_fini(struct placemerge *merge);

/* After a commit that wrote so many blocks, and while there is none (0). Outside of a transaction. What goes
 * wrong is tried again later, as all can be found as it is, and warned of once in an hour. */
void placemerge_stored(struct placemerge *merge, struct copy *copy, struct pgconn *conn, uint64_t blocks,
                       int64_t now_ms);
/* After a repair, which writes a block or two for each batch of a long stretch: as much as a few seconds will
 * do, what is left is merged beside later commits. */
void placemerge_catch_up(struct placemerge *merge, struct copy *copy, struct pgconn *conn);
/* One step of each level, if there is something to do; *moved: blocks that were taken out, 0 where there is
 * not. A level that fails stops no other; the error is that of the first. */
MUST_USE enum err_code placemerge_step(struct placemerge *merge, struct copy *copy, struct pgconn *conn,
                                       uint64_t *moved, struct err *why);

#endif
