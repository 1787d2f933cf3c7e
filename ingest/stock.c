#include "ingest/stock.h"

#include <stdlib.h>

#include "base/limits.h"

#define USUAL_FIRST ((size_t)2 << 20) /* 256 entries of an RFC 6962 log, read */
#define USUAL_LEAST ((size_t)64 << 10)

bool stock_init(struct stock *stock, size_t count, size_t room)
{
    *stock = (struct stock){.room = room, .usual = USUAL_FIRST};
    thread_lock_init(&stock->lock);
    stock->warm = calloc(count, sizeof(*stock->warm));
    stock->cold = calloc(count, sizeof(*stock->cold));
    return stock->warm != NULL && stock->cold != NULL;
}

void stock_fini(struct stock *stock)
{
    if (stock->warm == NULL && stock->cold == NULL)
        return;
    free(stock->warm);
    free(stock->cold);
    stock->warm = stock->cold = NULL;
    thread_lock_fini(&stock->lock);
}

void stock_add(struct stock *stock, struct job *job)
{
    thread_lock(&stock->lock);
    job->kept = 0;
    stock->cold[stock->cold_count++] = job;
    thread_unlock(&stock->lock);
}

/* With the lock held: how many cold ones may follow the warm ones. */
static size_t cold_open(const struct stock *stock)
{
    if (stock->room == 0)
        return stock->cold_count;
    size_t open = stock->kept < stock->room ? (stock->room - stock->kept) / stock->usual : 0;
    size_t have = stock->out + stock->warm_count;
    if (have < STOCK_LEAST && open < STOCK_LEAST - have)
        open = STOCK_LEAST - have;
    return open < stock->cold_count ? open : stock->cold_count;
}

struct job *stock_get(struct stock *stock)
{
    struct job *job = NULL;
    thread_lock(&stock->lock);
    if (stock->warm_count != 0) {
        job = stock->warm[--stock->warm_count];
    } else if (cold_open(stock) != 0) {
        job = stock->cold[--stock->cold_count];
        job->kept = stock->usual;
        stock->kept += job->kept;
    }
    stock->out += job != NULL ? 1 : 0;
    thread_unlock(&stock->lock);
    return job;
}

/* What the arena keeps once it is reset: the furthest it was used since its pages were given back last. */
static size_t keeps(const struct job *job)
{
    size_t most = job->batch.arena.peak > job->touched ? job->batch.arena.peak : job->touched;
    return most < LIMIT_BATCH_KEEP ? most : LIMIT_BATCH_KEEP;
}

void stock_put(struct stock *stock, struct job *job)
{
    job->touched = keeps(job);
    batch_reset(&job->batch);
    thread_lock(&stock->lock);
    must(stock->out > 0 && stock->kept >= job->kept);
    stock->out--;
    stock->kept -= job->kept;
    size_t usual = stock->usual - stock->usual / 16 + job->touched / 16;
    stock->usual = usual > USUAL_LEAST ? usual : USUAL_LEAST;
    bool fits = stock->room == 0 || stock->kept + job->touched <= stock->room ||
                stock->out + stock->warm_count < STOCK_LEAST;
    if (fits) {
        job->kept = job->touched;
        stock->kept += job->kept;
        stock->warm[stock->warm_count++] = job;
    } else {
        arena_release(&job->batch.arena);
        job->touched = 0;
        job->kept = 0;
        stock->cold[stock->cold_count++] = job;
    }
    thread_unlock(&stock->lock);
}

size_t stock_count(struct stock *stock)
{
    thread_lock(&stock->lock);
    size_t count = stock->warm_count + cold_open(stock);
    thread_unlock(&stock->lock);
    return count;
}

size_t stock_size(struct stock *stock)
{
    thread_lock(&stock->lock);
    size_t size = stock->out + stock->warm_count + cold_open(stock);
    thread_unlock(&stock->lock);
    return size;
}
