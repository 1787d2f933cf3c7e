/* Bounded first-in first-out hand-over of pointers between any number of threads. The queue never owns what
 * the pointers point to. After queue_close no put succeeds and gets drain what is left, then say "closed". */
#ifndef CTVIGIL_QUEUE_H
#define CTVIGIL_QUEUE_H

#include "base/thread.h"

struct queue {
    uint32_t magic;
    struct lock lock;
    struct signal_cond not_empty;
    struct signal_cond not_full;
    void **slots;
    size_t capacity;
    size_t first;
    size_t count;
    bool closed;
};

enum queue_got { QUEUE_ITEM, QUEUE_EMPTY, QUEUE_CLOSED };

MUST_USE bool queue_init(struct queue *queue, size_t capacity);
void queue_fini(struct queue *queue); /* must be empty */
/* Blocks while full. False: closed, the item stays with the caller. */
MUST_USE bool queue_put(struct queue *queue, void *item);
/* Never blocks. False: full or closed. */
MUST_USE bool queue_put_try(struct queue *queue, void *item);
/* Blocks up to wait_ms (0: not at all, negative: without end) for an item. */
MUST_USE enum queue_got queue_get(struct queue *queue, void **item, int64_t wait_ms);
void queue_close(struct queue *queue);
size_t queue_count(struct queue *queue);

#endif
