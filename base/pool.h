/* A fixed number of reusable objects: the ceiling of memory is their number. An empty pool is the
 * back-pressure of the pipeline. Objects are made once by the owner and handed to pool_add; the pool never
 * frees them. */
#ifndef CTVIGIL_POOL_H
#define CTVIGIL_POOL_H

#include "base/queue.h"

struct pool {
    struct queue free;
    void (*on_return)(void *arg); /* called without a lock after each pool_put; NULL for none */
    void *on_return_arg;
};

MUST_USE bool pool_init(struct pool *pool, size_t capacity, void (*on_return)(void *), void *arg);
void pool_fini(struct pool *pool); /* the owner has taken every object out */
void pool_add(struct pool *pool, void *object);
MUST_USE void *pool_get_try(struct pool *pool); /* NULL: none free */
MUST_USE void *pool_get(struct pool *pool, int64_t wait_ms);
void pool_put(struct pool *pool, void *object);
size_t pool_free_count(struct pool *pool);

#endif
