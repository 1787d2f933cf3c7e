#include "ingest/pipe.h"

#include <stdlib.h>

#include "base/clock.h"
#include "ingest/fetch.h"
#include "ingest/plant.h"
#include "ingest/settle.h"
#include "ingest/work.h"

struct pipe {
    struct plant plant;
    struct settle settle[PLANT_SETTLERS_MAX];
    struct thread fetch_thread;
    struct thread work_thread[LIMIT_WORKERS];
    struct thread settle_thread[PLANT_SETTLERS_MAX];
    struct lock lock; /* guards ended */
    struct signal_cond changed;
    bool ended;
};

static void settler_run(void *arg)
{
    struct settle *settle = arg;
    settle_run(settle);
    /* The plant is the first member of its pipe. */
    struct pipe *pipe = (struct pipe *)(void *)settle->plant;
    if (atomic_fetch_sub(&pipe->plant.settlers_left, 1) != 1)
        return;
    thread_lock(&pipe->lock);
    pipe->ended = true;
    thread_cond_broadcast(&pipe->changed);
    thread_unlock(&pipe->lock);
}

/* Threads in the order of the flow backwards, so that each finds its receiver. */
static bool threads_start(struct pipe *pipe)
{
    struct plant *plant = &pipe->plant;
    bool started = true;
    atomic_store(&plant->workers_left, plant->options.workers);
    atomic_store(&plant->settlers_left, plant->options.settlers);
    for (unsigned i = 0; started && i < plant->options.settlers; i++)
        started = thread_start(&pipe->settle_thread[i], "settle", settler_run, &pipe->settle[i]);
    for (unsigned i = 0; started && i < plant->options.workers; i++)
        started = thread_start(&pipe->work_thread[i], "work", work_run, plant);
    pacer_start(plant->pacer);
    return started && thread_start(&pipe->fetch_thread, "fetch", fetch_run, plant);
}

static enum err_code logs_add(struct pipe *pipe, const struct ctlog *logs, size_t count, struct err *why)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        code = pipe_add(pipe, &logs[i], why);
    return code;
}

enum err_code pipe_start(const struct pipe_options *options, const struct ctlog *logs, size_t log_count,
                         struct pipe **out, struct err *why)
{
    struct pipe *pipe = calloc(1, sizeof(*pipe));
    if (pipe == NULL)
        return err_set(why, ERR_MEMORY, "pipeline: out of memory");
    thread_lock_init(&pipe->lock);
    thread_cond_init(&pipe->changed);
    enum err_code code = plant_init(&pipe->plant, options, log_count, why);
    for (unsigned i = 0; code == ERR_OK && i < pipe->plant.options.settlers; i++)
        code = settle_init(&pipe->settle[i], &pipe->plant, i, why);
    if (code == ERR_OK)
        code = logs_add(pipe, logs, log_count, why);
    if (code != ERR_OK) {
        pipe->ended = true;
        pipe_free(pipe);
        return code;
    }
    must(threads_start(pipe)); /* a process without threads is of no use; the supervisor starts it again */
    *out = pipe;
    return ERR_OK;
}

enum err_code pipe_add(struct pipe *pipe, const struct ctlog *log, struct err *why)
{
    struct plant *plant = &pipe->plant;
    struct follow *follow = follow_new(log, proto_of(log->protocol), plant->options.page_entries);
    if (follow == NULL)
        return err_set(why, ERR_MEMORY, "%s: out of memory", log->name);
    if (!plant_add(plant, follow)) {
        follow_free(follow);
        return err_set(why, ERR_EXISTS, "%s: followed already, or no place for another log", log->name);
    }
    plant_kick(plant, follow);
    plant_wake(plant);
    return ERR_OK;
}

void pipe_remove(struct pipe *pipe, int32_t log_id)
{
    struct plant *plant = &pipe->plant;
    for (size_t i = 0; i < atomic_load(&plant->follow_count); i++) {
        struct follow *follow = plant->follows[i];
        if (follow->log.id != log_id)
            continue;
        atomic_store(&follow->removed, true);
        plant_kick(plant, follow);
    }
    plant_wake(plant);
}

void pipe_stop(struct pipe *pipe)
{
    plant_stop(&pipe->plant);
}

bool pipe_wait(struct pipe *pipe, int64_t wait_ms, struct pipe_result *result)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;
    thread_lock(&pipe->lock);
    while (!pipe->ended) {
        int64_t left_ms = until_ms - clock_mono_ms();
        if (wait_ms >= 0 && left_ms <= 0)
            break;
        if (wait_ms < 0)
            thread_cond_wait(&pipe->changed, &pipe->lock);
        else
            (void)thread_cond_wait_ms(&pipe->changed, &pipe->lock, left_ms);
    }
    bool ended = pipe->ended;
    thread_unlock(&pipe->lock);
    if (result == NULL)
        return ended;
    struct plant *plant = &pipe->plant;
    *result = (struct pipe_result){.entries = atomic_load(&plant->entries)};
    for (size_t i = 0; i < atomic_load(&plant->follow_count); i++) {
        result->unverified = result->unverified || atomic_load(&plant->follows[i]->unverified);
        result->unread = result->unread || atomic_load(&plant->follows[i]->unread);
    }
    return ended;
}

void pipe_free(struct pipe *pipe)
{
    if (pipe == NULL)
        return;
    if (pipe->fetch_thread.running) {
        pipe_stop(pipe);
        (void)pipe_wait(pipe, -1, NULL);
    }
    thread_join(&pipe->fetch_thread);
    if (pipe->plant.pacer != NULL)
        pacer_stop(pipe->plant.pacer);
    for (unsigned i = 0; i < LIMIT_WORKERS; i++)
        thread_join(&pipe->work_thread[i]);
    for (unsigned i = 0; i < PLANT_SETTLERS_MAX; i++)
        thread_join(&pipe->settle_thread[i]);
    for (unsigned i = 0; i < PLANT_SETTLERS_MAX; i++)
        settle_fini(&pipe->settle[i]);
    plant_fini(&pipe->plant);
    thread_cond_fini(&pipe->changed);
    thread_lock_fini(&pipe->lock);
    free(pipe);
}
