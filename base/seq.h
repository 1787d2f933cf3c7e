/* A sequencer: items that each cover [begin, end) arrive in any order and leave in order, without gaps.
 * Bounded: at most `window` items wait. Not thread-safe; its user holds the lock (ingest/pipe.h). */
#ifndef CTVIGIL_SEQ_H
#define CTVIGIL_SEQ_H

#include "base/base.h"

struct seq_item {
    uint64_t begin;
    uint64_t end;
    void *item;
};

struct seq {
    uint64_t next; /* begin of the item that may leave next */
    struct seq_item *waiting;
    size_t count;
    size_t window;
};

MUST_USE bool seq_init(struct seq *seq, uint64_t next, size_t window);
void seq_fini(struct seq *seq);
/* False: the window is full, or the range lies before `next` or overlaps a waiting one: the item stays with
 * the caller. begin < end. */
MUST_USE bool seq_put(struct seq *seq, uint64_t begin, uint64_t end, void *item);
/* The item that begins at `next`, or NULL while it has not arrived. Moves `next` to its end. */
MUST_USE void *seq_take(struct seq *seq, uint64_t *begin, uint64_t *end);
bool seq_ready(const struct seq *seq);
/* Any waiting item, in no order (to empty it after a failure); NULL when none is left. */
MUST_USE void *seq_drop(struct seq *seq);
/* Forgets nothing but starts again at `next`; must be empty. */
void seq_restart(struct seq *seq, uint64_t next);

#endif
