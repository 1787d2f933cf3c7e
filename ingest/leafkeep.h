/* Leaves of consecutive batches, kept for an account of a contradiction: their bytes while they are few, and
 * their hashes while there is room for these. Either is whole or not there. On the settler's thread. */
#ifndef CTVIGIL_LEAFKEEP_H
#define CTVIGIL_LEAFKEEP_H

#include "base/buf.h"
#include "model/batch.h"

struct leafkeep {
    bool any;
    uint64_t begin;
    uint64_t end;
    bool bytes_lost;
    struct buf bytes; /* JSON array of {index, leaf_input}, without its last bracket */
    struct buf hashes;
};

/* Zeroed is empty. Adds the leaves of an examined batch; one that does not follow the last one begins anew.
 * Once called without `bytes`, the bytes of all are lost. */
void leafkeep_add(struct leafkeep *keep, const struct batch *batch, bool bytes);
/* Empties it and gives the memory back. */
void leafkeep_clear(struct leafkeep *keep);
/* JSON text of the array; NULL: there is none. Valid until the next call. */
const char *leafkeep_bytes(struct leafkeep *keep);
/* Absent: there are none. */
struct span leafkeep_hashes(const struct leafkeep *keep);

#endif
