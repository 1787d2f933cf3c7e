#include "ingest/plant.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/say.h"
#include "ingest/pagekeep.h"

static unsigned default_of(unsigned value, unsigned fallback, unsigned most)
{
    unsigned chosen = value == 0 ? fallback : value;
    return chosen < most ? chosen : most;
}

static void options_fill(struct plant *plant, const struct pipe_options *options, size_t log_count)
{
    struct pipe_options *own = &plant->options;
    *own = *options;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned batches = 16 + 2 * (unsigned)log_count;
    own->workers = default_of(own->workers, processors > 0 ? (unsigned)processors : 1, LIMIT_WORKERS);
    own->settlers = default_of(own->settlers, 1, PLANT_SETTLERS_MAX);
    own->batches = default_of(own->batches, batches, LIMIT_BATCHES);
    own->window = default_of(own->window, 8, LIMIT_WINDOW);
    own->page_entries = default_of(own->page_entries, 256, 1024);
    own->connections = default_of(own->connections, 6, 32);
    own->batch_bytes = own->batch_bytes == 0 ? LIMIT_BATCH_BYTES : own->batch_bytes;
    own->poll_ms = own->poll_ms == 0 ? 5000 : own->poll_ms;
    own->partial_wait_ms = own->partial_wait_ms == 0 ? 5000 : own->partial_wait_ms;
    own->big_bytes = own->big_bytes == 0 ? LIMIT_BIG_BATCH_BYTES : own->big_bytes;
    own->unproven_ms = own->unproven_ms == 0 ? LIMIT_UNPROVEN_MS : own->unproven_ms;
    own->give_up_ms = own->give_up_ms == 0 ? 60000 : own->give_up_ms;
    own->big_dir = own->big_dir == NULL ? "/tmp" : own->big_dir;
    snprintf(plant->user_agent, sizeof(plant->user_agent), "%s",
             own->user_agent == NULL ? "ctvigil/" CTVIGIL_VERSION : own->user_agent);
    own->user_agent = plant->user_agent;
    own->http2 = own->http2 == NULL ? "" : own->http2;
    own->no_keepalive = own->no_keepalive == NULL ? "" : own->no_keepalive;
    own->source_addresses = own->source_addresses == NULL ? "" : own->source_addresses;
}

static bool jobs_init(struct plant *plant)
{
    size_t count = plant->options.batches;
    plant->jobs = calloc(count, sizeof(*plant->jobs));
    if (plant->jobs == NULL || !stock_init(&plant->stock, count, plant->options.batch_memory))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct job *job = &plant->jobs[i];
        if (!batch_init(&job->batch, plant->options.batch_bytes))
            return false;
        job->magic = JOB_MAGIC;
        plant->job_count++;
        stock_add(&plant->stock, job);
    }
    return true;
}

static bool queues_init(struct plant *plant)
{
    size_t count = plant->options.batches;
    bool made = queue_init(&plant->replies, count) && queue_init(&plant->back, count);
    for (unsigned i = 0; made && i < plant->options.settlers; i++)
        made = queue_init(&plant->kicks[i], LIMIT_FOLLOWS);
    return made;
}

/* Replies and what is made of them, rows on their way to the database, and issuers: nothing else grows with
 * what a log sends. What a backfill puts down is gathered and packed before it is sent. */
static void ceiling_say(const struct plant *plant)
{
    const struct pipe_options *own = &plant->options;
    size_t bytes =
        own->batches * own->batch_bytes + own->settlers * (size_t)LIMIT_COPY_BYTES + LIMIT_ISSUER_CACHE_BYTES;
    size_t more = own->settlers * (size_t)STORE_PUT_BUFFERS * LIMIT_COPY_BYTES;
    size_t usual = own->batch_memory != 0 ? own->batch_memory : own->batches * own->batch_bytes;
    say_info(
        "ingest",
        "what logs send takes at most %zu MB of memory (%u replies of %zu MB, of which %zu MB are kept, "
        "rows of %u MB for each of %u writers, issuers), and at most %zu MB more while a backfill is put "
        "down; a larger entry goes through a file in %s of at most %zu MB",
        bytes >> 20, own->batches, own->batch_bytes >> 20, usual >> 20, LIMIT_COPY_BYTES >> 20, own->settlers,
        more >> 20, own->big_dir, own->big_bytes >> 20);
}

enum err_code plant_init(struct plant *plant, const struct pipe_options *options, size_t log_count,
                         struct err *why)
{
    thread_lock_init(&plant->adding);
    options_fill(plant, options, log_count);
    enum err_code code = sources_read(plant->options.source_addresses, &plant->sources, why);
    if (code == ERR_OK) /* how many are used is the business of host.c */
        code = wire_new(plant->user_agent, HOST_CONNECTIONS, &plant->wire, why);
    if (code != ERR_OK)
        return code;
    if (plant->options.source.local != NULL)
        wire_local(plant->wire, plant->options.source.local);
    plant->issuers = issuers_new();
    plant->pacer = pagekeep_pacer(plant);
    rate_bucket_init(&plant->bytes, plant->options.bytes_per_s, plant->options.bytes_per_s, clock_mono_ms());
    if (plant->issuers == NULL || plant->pacer == NULL || !queues_init(plant) || !jobs_init(plant))
        return err_set(why, ERR_MEMORY, "%u batches of %zu bytes: out of memory", plant->options.batches,
                       plant->options.batch_bytes);
    if (!options->once)
        ceiling_say(plant);
    return ERR_OK;
}

static void queue_empty(struct queue *queue)
{
    if (queue->slots == NULL)
        return;
    void *item;
    while (queue_get(queue, &item, 0) == QUEUE_ITEM)
        ;
    queue_fini(queue);
}

void plant_fini(struct plant *plant)
{
    queue_empty(&plant->replies);
    queue_empty(&plant->back);
    for (unsigned i = 0; i < plant->options.settlers; i++)
        queue_empty(&plant->kicks[i]);
    for (size_t i = 0; i < atomic_load(&plant->follow_count); i++)
        follow_free(plant->follows[i]);
    for (size_t i = 0; i < plant->job_count; i++)
        batch_fini(&plant->jobs[i].batch);
    stock_fini(&plant->stock);
    free(plant->jobs);
    if (plant->big_made)
        arena_fini(&plant->big);
    issuers_free(plant->issuers);
    pacer_free(plant->pacer);
    wire_free(plant->wire);
    thread_lock_fini(&plant->adding);
}

bool plant_add(struct plant *plant, struct follow *follow)
{
    pagekeep_recall(follow);
    thread_lock(&plant->adding);
    size_t at = atomic_load(&plant->follow_count);
    size_t most = plant->options.logs_max != 0 ? plant->options.logs_max : LIMIT_LOGS;
    size_t logs = 0;
    bool fits = at < LIMIT_FOLLOWS;
    for (size_t i = 0; i < at; i++) {
        const struct follow *other = plant->follows[i];
        bool same = other->log.id == follow->log.id && (other->front == NULL) == (follow->front == NULL);
        fits = fits && (!same || atomic_load(&other->removed));
        logs += other->front == NULL;
    }
    fits = fits && (follow->front != NULL || logs < most);
    if (fits) {
        if (follow->front == NULL)
            follow->settler = (unsigned)(at % plant->options.settlers);
        plant->follows[at] = follow;
        atomic_store(&plant->follow_count, at + 1);
    }
    thread_unlock(&plant->adding);
    return fits;
}

bool plant_stopping(struct plant *plant)
{
    return atomic_load(&plant->stopping);
}

void plant_stop(struct plant *plant)
{
    atomic_store(&plant->stop_ms, clock_mono_ms());
    atomic_store(&plant->stopping, true);
    plant_wake(plant);
}

void plant_kick(struct plant *plant, struct follow *follow)
{
    if (atomic_exchange(&follow->kicked, true))
        return;
    /* The queue holds every log once, so only a closed one refuses. */
    if (!queue_put_try(&plant->kicks[follow->settler], follow))
        atomic_store(&follow->kicked, false);
}

bool plant_bytes_owed(struct plant *plant, int64_t now_ms, int64_t *wait_ms)
{
    uint64_t bytes = wire_bytes(plant->wire);
    int64_t owed_ms = rate_bucket_spend(&plant->bytes, now_ms, (double)(bytes - plant->bytes_seen));
    plant->bytes_seen = bytes;
    plant->bytes_owed = owed_ms > 0;
    if (owed_ms > 0 && owed_ms < *wait_ms)
        *wait_ms = owed_ms;
    return plant->bytes_owed;
}

void plant_wake(struct plant *plant)
{
    wire_wake(plant->wire);
}

bool plant_behind(struct plant *plant)
{
    return queue_count(&plant->replies) > plant->options.workers;
}

void plant_job_free(struct plant *plant, struct job *job)
{
    struct follow *follow = job->follow;
    if (follow != NULL) {
        thread_lock(&follow->lock);
        must(job->lane->outstanding > 0);
        job->lane->outstanding--;
        thread_unlock(&follow->lock);
    }
    job->follow = NULL;
    job->lane = NULL;
    if (job->batch.big) {
        batch_reset(&job->batch);
        plant->big = job->batch.arena;
        job->batch.arena = job->own;
        job->batch.big = false;
        atomic_store(&plant->big_taken, false);
    }
    stock_put(&plant->stock, job);
    plant_wake(plant);
}

void plant_lane_drop(struct plant *plant, struct follow *follow, struct lane *lane)
{
    for (;;) {
        thread_lock(&follow->lock);
        struct job *job = seq_drop(&lane->seq);
        thread_unlock(&follow->lock);
        if (job == NULL)
            return;
        plant_job_free(plant, job);
    }
}

void plant_told(struct plant *plant, const struct follow *follow, const char *event, uint64_t begin,
                uint64_t end)
{
    if (plant->options.told != NULL)
        plant->options.told(plant->options.told_arg, &follow->log, event, begin, end);
}
