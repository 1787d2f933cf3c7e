#include "base/pool.h"

bool pool_init(struct pool *pool, size_t capacity, void (*on_return)(void *), void *arg)
{
    pool->on_return = on_return;
    pool->on_return_arg = arg;
    return queue_init(&pool->free, capacity);
}

void pool_fini(struct pool *pool)
{
    queue_fini(&pool->free);
}

void pool_add(struct pool *pool, void *object)
{
    must(object != NULL);
    must(queue_put_try(&pool->free, object));
}

void *pool_get_try(struct pool *pool)
{
    return pool_get(pool, 0);
}

void *pool_get(struct pool *pool, int64_t wait_ms)
{
    void *object = NULL;
    return queue_get(&pool->free, &object, wait_ms) == QUEUE_ITEM ? object : NULL;
}

void pool_put(struct pool *pool, void *object)
{
    pool_add(pool, object);
    if (pool->on_return != NULL)
        pool->on_return(pool->on_return_arg);
}

size_t pool_free_count(struct pool *pool)
{
    return queue_count(&pool->free);
}
