#include "base/queue.h"

#include "base/clock.h"

#define QUEUE_MAGIC 0x51554555u

bool queue_init(struct queue *queue, size_t capacity)
{
    must(capacity > 0);
    *queue = (struct queue){.capacity = capacity};
    queue->slots = calloc(capacity, sizeof *queue->slots);
    if (queue->slots == NULL)
        return false;
    thread_lock_init(&queue->lock);
    thread_cond_init(&queue->not_empty);
    thread_cond_init(&queue->not_full);
    queue->magic = QUEUE_MAGIC;
    return true;
}

void queue_fini(struct queue *queue)
{
    must(queue->magic == QUEUE_MAGIC && queue->count == 0);
    queue->magic = 0;
    thread_cond_fini(&queue->not_empty);
    thread_cond_fini(&queue->not_full);
    thread_lock_fini(&queue->lock);
    free(queue->slots);
    queue->slots = NULL;
}

static void append(struct queue *queue, void *item)
{
    queue->slots[(queue->first + queue->count) % queue->capacity] = item;
    queue->count++;
    thread_cond_signal(&queue->not_empty);
}

bool queue_put(struct queue *queue, void *item)
{
    must(queue->magic == QUEUE_MAGIC);
    thread_lock(&queue->lock);
    while (!queue->closed && queue->count == queue->capacity)
        thread_cond_wait(&queue->not_full, &queue->lock);
    bool open = !queue->closed;
    if (open)
        append(queue, item);
    thread_unlock(&queue->lock);
    return open;
}

bool queue_put_try(struct queue *queue, void *item)
{
    must(queue->magic == QUEUE_MAGIC);
    thread_lock(&queue->lock);
    bool room = !queue->closed && queue->count < queue->capacity;
    if (room)
        append(queue, item);
    thread_unlock(&queue->lock);
    return room;
}

/* Waits until there is an item, the queue is closed, or the time is over. */
static void wait_item(struct queue *queue, int64_t wait_ms)
{
    int64_t until_ms = wait_ms > 0 ? clock_mono_ms() + wait_ms : 0;
    while (queue->count == 0 && !queue->closed) {
        if (wait_ms < 0) {
            thread_cond_wait(&queue->not_empty, &queue->lock);
            continue;
        }
        int64_t left_ms = wait_ms == 0 ? 0 : until_ms - clock_mono_ms();
        if (left_ms <= 0)
            return;
        (void)thread_cond_wait_ms(&queue->not_empty, &queue->lock, left_ms);
    }
}

enum queue_got queue_get(struct queue *queue, void **item, int64_t wait_ms)
{
    enum queue_got got = QUEUE_ITEM;

    must(queue->magic == QUEUE_MAGIC);
    thread_lock(&queue->lock);
    wait_item(queue, wait_ms);
    if (queue->count > 0) {
        *item = queue->slots[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->count--;
        thread_cond_signal(&queue->not_full);
    } else {
        got = queue->closed ? QUEUE_CLOSED : QUEUE_EMPTY;
    }
    thread_unlock(&queue->lock);
    return got;
}

void queue_close(struct queue *queue)
{
    must(queue->magic == QUEUE_MAGIC);
    thread_lock(&queue->lock);
    queue->closed = true;
    thread_cond_broadcast(&queue->not_empty);
    thread_cond_broadcast(&queue->not_full);
    thread_unlock(&queue->lock);
}

size_t queue_count(struct queue *queue)
{
    must(queue->magic == QUEUE_MAGIC);
    thread_lock(&queue->lock);
    size_t count = queue->count;
    thread_unlock(&queue->lock);
    return count;
}
