/* The unit of hand-over: one reply of one log, its bytes, its entries and everything made from them. A batch
 * owns one arena; all spans of its entries and alerts point into it or into the snapshots it pins. Made once,
 * reused for ever. */
#ifndef CTVIGIL_BATCH_H
#define CTVIGIL_BATCH_H

#include "base/arena.h"
#include "model/alert.h"
#include "model/ctlog.h"
#include "model/entry.h"

struct batch {
    uint32_t magic; /* BATCH_MAGIC */
    const struct ctlog *log;
    void *owner;    /* the pipeline's own record of the range this belongs to */
    uint64_t begin; /* requested [begin, end); after decoding end = begin + entry_count */
    uint64_t end;
    bool cut; /* decoding ended before an entry that came and can not be taken out of the reply */
    struct arena arena;
    bool big;         /* the arena is the shared file-backed one */
    struct span body; /* the reply, content-decoded */
    struct entry *entries;
    size_t entry_count;
    struct alert *alerts; /* made by the matching stage */
    size_t alert_count;
    uint64_t watch_generation; /* of the snapshot it was matched with; 0: not matched */
    size_t stage_mark;         /* arena mark before the matching stage, so that it can run again */
    int64_t received_wall_ms;
};

#define BATCH_MAGIC 0x42415443u

/* `ceiling` bytes of arena. False: out of address space. */
MUST_USE bool batch_init(struct batch *batch, size_t ceiling);
void batch_fini(struct batch *batch);
/* Ready for the next reply; keeps the memory. */
void batch_reset(struct batch *batch);

#endif
