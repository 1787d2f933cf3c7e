#include "ingest/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/say.h"
#include "ingest/errand.h"
#include "ingest/host.h"
#include "parser/tile.h"

#define TURN_MS      1000 /* longest sleep: timers are at most this late */
#define BIG_WAIT_MS  100
#define DRAIN_MS     3000         /* after a stop, what is under way may still come */
#define BIG_BODY     (256u << 20) /* half of the big arena: the rest is for what is decoded from it */
#define UNREAD_FAILS 6
#define UNREAD_MS    60000 /* once: a log that only ever says "busy" is given up after this */

struct fetch {
    struct plant *plant;
    struct errand *errand;
    struct host_table hosts;
    struct job *waiting; /* jobs with a batch that are due later */
    struct job **waiting_end;
    struct job *parked; /* batches that wait for issuer certificates */
    size_t turn;        /* where the round over the logs begins */
};

static void wait_put(struct fetch *fetch, struct job *job, int64_t due_ms)
{
    job->due_ms = due_ms;
    job->link = NULL;
    *fetch->waiting_end = job;
    fetch->waiting_end = &job->link;
}

static void error_note(struct plant *plant, struct follow *follow, const char *text)
{
    thread_lock(&follow->lock);
    snprintf(follow->error_read, sizeof(follow->error_read), "%s", text);
    thread_unlock(&follow->lock);
    plant_kick(plant, follow);
}

/* A request for entries failed, or its bytes were no use. */
static void entries_failed(struct fetch *fetch, struct follow *follow, const struct err *why,
                           int64_t retry_after_ms)
{
    struct follow_fetch *own = &follow->fetch;
    int64_t now_ms = clock_mono_ms();
    say_debug(follow->log.name, "%s", why->text);
    error_note(fetch->plant, follow, why->text);
    if (why->code == ERR_HTTP_BUSY) {
        host_hold(own->host, now_ms, retry_after_ms);
        return;
    }
    /* Requests sent together fail together and count as one. */
    if (now_ms < own->hold_until_ms)
        return;
    own->fails++;
    own->hold_until_ms = now_ms + rate_backoff_next(&own->backoff);
}

static bool job_stale(struct job *job)
{
    struct follow *follow = job->follow;
    thread_lock(&follow->lock);
    bool stale = !job->lane->active || job->lane->ordinal != job->ordinal;
    thread_unlock(&follow->lock);
    return stale || atomic_load(&follow->removed);
}

/* Halves what the job asks for; the rest is asked for by somebody else. */
static void job_split(struct job *job)
{
    uint64_t middle = job->begin + (job->end - job->begin) / 2;
    thread_lock(&job->follow->lock);
    if (job->lane->ordinal == job->ordinal)
        lane_hole(job->lane, middle, job->end);
    thread_unlock(&job->follow->lock);
    job->end = middle;
}

/* Lends the big arena to the job; false: somebody else has it, or it can not be made. Only the entries that a
 * log is settled with next may have it: later ones would hold it while they wait for earlier ones that need
 * it too. */
static bool big_lend(struct fetch *fetch, struct job *job)
{
    struct plant *plant = fetch->plant;
    thread_lock(&job->follow->lock);
    bool first = job->lane->seq.next == job->begin;
    thread_unlock(&job->follow->lock);
    if (!first)
        return false;
    if (!plant->big_made)
        plant->big_made = arena_init_file(&plant->big, LIMIT_BIG_BATCH_BYTES, plant->options.big_dir);
    if (!plant->big_made)
        error_note(plant, job->follow, "no room for a file of 512 MiB to read a large entry into");
    if (!plant->big_made || atomic_exchange(&plant->big_taken, true))
        return false;
    job->own = job->batch.arena;
    job->batch.arena = plant->big;
    job->batch.big = true;
    return true;
}

/* The reply does not fit into the batch. */
static void job_too_big(struct fetch *fetch, struct job *job, int64_t now_ms)
{
    if (!job->follow->proto->tiles && job->end - job->begin > 1) {
        job_split(job);
        wait_put(fetch, job, now_ms);
        return;
    }
    if (job->batch.big) {
        entries_failed(fetch, job->follow, &job->why, -1);
        job->tries++;
        wait_put(fetch, job, job->follow->fetch.hold_until_ms);
        return;
    }
    job->wants_big = true;
    bool lent = big_lend(fetch, job);
    wait_put(fetch, job, lent ? now_ms : now_ms + BIG_WAIT_MS);
}

static bool tile_missing(const struct job *job, long status)
{
    return job->follow->proto->tiles && (status == 404 || status == 403) && job->width < TILE_WIDTH;
}

static void job_failed(struct fetch *fetch, struct job *job, long status, int64_t retry_after_ms)
{
    struct follow *follow = job->follow;
    int64_t now_ms = clock_mono_ms();
    if (job->why.code == ERR_CLOSED || job_stale(job)) {
        plant_job_free(fetch->plant, job);
        return;
    }
    if (job->why.code == ERR_TOO_BIG) {
        job_too_big(fetch, job, now_ms);
        return;
    }
    /* A partial tile may go once the full one exists: its first entries are the same. */
    if (tile_missing(job, status) && !job->full_tile) {
        job->full_tile = true;
        wait_put(fetch, job, now_ms);
        return;
    }
    if (job->full_tile) {
        job->full_tile = false;
        follow->fetch.head_due_ms =
            now_ms; /* neither is there: the head has moved on, or is ahead of its tiles */
    }
    entries_failed(fetch, follow, &job->why, retry_after_ms);
    job->tries++;
    /* Some servers cut large documents off: half of it may come through. */
    if (job->why.code == ERR_FORMAT && job->tries >= 2 && !follow->proto->tiles && job->end - job->begin > 1)
        job_split(job);
    wait_put(fetch, job, follow->fetch.hold_until_ms);
}

/* Asking for entries ----------------------------------------------------------------------------- */

static void entries_done(void *arg, const struct wire_reply *reply)
{
    struct job *job = arg;
    struct fetch *fetch = job->home;
    struct follow *follow = job->follow;
    follow->fetch.host->busy--;
    job->why = reply->why;
    if (reply->code != ERR_OK) {
        job_failed(fetch, job, reply->status, reply->retry_after_ms);
        return;
    }
    host_well(follow->fetch.host);
    job->batch.body = reply->body;
    job->batch.received_wall_ms = clock_wall_ms();
    job->phase = JOB_REPLY;
    must(queue_put_try(&fetch->plant->replies, job));
}

static void job_start(struct fetch *fetch, struct job *job)
{
    struct follow *follow = job->follow;
    struct batch *batch = &job->batch;
    const struct plant *plant = fetch->plant;
    batch_reset(batch);
    batch->owner = job;
    batch->log = &follow->log;
    batch->begin = job->begin;
    batch->end = job->end;
    err_clear(&job->why);
    job->home = fetch;
    job->phase = JOB_ASKED;
    job->width = TILE_WIDTH;
    if (follow->proto->tiles && !job->full_tile)
        job->width = tile_width(0, job->begin / TILE_WIDTH, follow->head_size);
    char url[PROTO_URL_MAX];
    follow->proto->entries_url(&follow->log, job->begin, job->end, job->width, url);
    /* Half of a batch is left for what is decoded from the reply. */
    size_t ceiling = batch->big ? BIG_BODY : plant->options.batch_bytes / 2;
    struct wire_ask ask = {url, &batch->arena, ceiling, job->fresh, true, entries_done, job};
    follow->fetch.host->busy++;
    if (wire_get(plant->wire, &ask, &job->why) == ERR_OK)
        return;
    follow->fetch.host->busy--;
    job_failed(fetch, job, 0, -1);
}

/* How far this lane may be asked for now. A partial tile is worth waiting for: it will be asked for again
 * when full. */
static uint64_t lane_limit(struct fetch *fetch, struct follow *follow, const struct lane *lane,
                           int64_t now_ms, int64_t *wait_ms)
{
    const struct pipe_options *options = &fetch->plant->options;
    uint64_t head = options->once ? follow->head_target : follow->head_size;
    if (!follow->head_known)
        return 0;
    uint64_t floor = head - head % TILE_WIDTH;
    if (!follow->proto->tiles || options->once || lane == &follow->again)
        return head;
    if (lane->ask < floor || lane->ask >= head) {
        follow->fetch.partial_since_ms = 0;
        return floor;
    }
    if (follow->fetch.partial_since_ms == 0)
        follow->fetch.partial_since_ms = now_ms;
    int64_t left_ms = follow->fetch.partial_since_ms + options->partial_wait_ms - now_ms;
    if (left_ms <= 0)
        return head;
    *wait_ms = left_ms < *wait_ms ? left_ms : *wait_ms;
    return floor;
}

/* Takes back a batch that waits in a sequencer; its entries will be asked for again. */
static struct job *job_steal(struct follow *follow, struct lane *lane)
{
    thread_lock(&follow->lock);
    struct job *job = lane->seq.count != 0 && !seq_ready(&lane->seq) ? seq_drop(&lane->seq) : NULL;
    if (job != NULL) {
        lane_hole(lane, job->batch.begin, job->batch.end);
        lane->outstanding--;
    }
    thread_unlock(&follow->lock);
    return job;
}

/* When all batches wait behind something, somebody has to step back: the lane itself if the very entry it
 * waits for is missing, and anybody for a lane that reads a suspect stretch again, because settling stands
 * still for it. */
static struct job *job_squeeze(struct fetch *fetch, struct follow *follow, struct lane *lane, bool starved)
{
    struct plant *plant = fetch->plant;
    if (starved)
        return job_steal(follow, lane);
    if (lane != &follow->again || lane->outstanding != 0)
        return NULL;
    struct job *job = NULL;
    for (size_t i = 0; job == NULL && i < atomic_load(&plant->follow_count); i++) {
        struct follow *other = plant->follows[i];
        thread_lock(&other->lock);
        job = seq_drop(&other->read.seq);
        if (job != NULL) {
            lane_hole(&other->read, job->batch.begin, job->batch.end);
            other->read.outstanding--;
        }
        thread_unlock(&other->lock);
    }
    return job;
}

/* A batch for the next request of the lane: from the pool, or one that waits behind the very entry that is
 * missing. */
static struct job *job_take(struct fetch *fetch, struct follow *follow, struct lane *lane)
{
    thread_lock(&follow->lock);
    bool starved = lane_starved(lane) && lane->seq.count != 0;
    bool room = lane->outstanding < fetch->plant->options.window;
    thread_unlock(&follow->lock);
    struct job *job = room ? pool_get_try(&fetch->plant->pool) : NULL;
    if (job == NULL)
        job = job_squeeze(fetch, follow, lane, starved);
    if (job != NULL) {
        thread_lock(&follow->lock);
        lane->outstanding++;
        thread_unlock(&follow->lock);
        job->follow = follow;
        job->lane = lane;
        job->tries = 0;
        job->full_tile = false;
        job->wants_big = false;
    }
    return job;
}

/* One more request for this lane; false: nothing to ask for, or not now. */
static bool lane_ask(struct fetch *fetch, struct follow *follow, struct lane *lane, int64_t now_ms,
                     int64_t *wait_ms)
{
    struct host *host = follow->fetch.host;
    if (host->busy >= fetch->plant->options.connections)
        return false;
    thread_lock(&follow->lock);
    uint64_t limit = lane_limit(fetch, follow, lane, now_ms, wait_ms);
    bool has = lane_has(lane, limit);
    thread_unlock(&follow->lock);
    if (!has)
        return false;
    struct job *job = job_take(fetch, follow, lane);
    if (job == NULL)
        return false;
    thread_lock(&follow->lock);
    bool found = lane_next(lane, &follow->plan, limit, &job->begin, &job->end);
    job->ordinal = lane->ordinal;
    job->fresh = lane->fresh;
    job->stage = lane->stage;
    thread_unlock(&follow->lock);
    if (!found) {
        plant_job_free(fetch->plant, job);
        return false;
    }
    int64_t hold_ms = host_take(host, now_ms);
    if (hold_ms > 0)
        wait_put(fetch, job, now_ms + hold_ms);
    else
        job_start(fetch, job);
    return hold_ms == 0;
}

/* How long the job has to wait still; 0: it may go out, and counts against the rate of its host. */
static int64_t job_hold(struct fetch *fetch, struct job *job, int64_t now_ms)
{
    struct follow *follow = job->follow;
    int64_t due_ms = job->due_ms;
    if (due_ms < follow->fetch.hold_until_ms)
        due_ms = follow->fetch.hold_until_ms;
    if (due_ms > now_ms)
        return due_ms - now_ms;
    if (follow->fetch.host->busy >= fetch->plant->options.connections)
        return TURN_MS;
    if (job->wants_big && !job->batch.big && !big_lend(fetch, job))
        return BIG_WAIT_MS;
    return host_take(follow->fetch.host, now_ms);
}

/* Jobs whose time has come. */
static void waiting_run(struct fetch *fetch, int64_t now_ms, int64_t *wait_ms)
{
    struct job *job = fetch->waiting;
    fetch->waiting = NULL;
    fetch->waiting_end = &fetch->waiting;
    while (job != NULL) {
        struct job *next = job->link;
        bool stale = job_stale(job);
        int64_t hold_ms = stale ? 0 : job_hold(fetch, job, now_ms);
        if (stale)
            plant_job_free(fetch->plant, job);
        else if (hold_ms == 0)
            job_start(fetch, job);
        else
            wait_put(fetch, job, job->due_ms);
        *wait_ms = hold_ms != 0 && hold_ms < *wait_ms ? hold_ms : *wait_ms;
        job = next;
    }
}

/* What the workers gave back: replies of no use, and batches that wait for issuer certificates. */
static void back_run(struct fetch *fetch)
{
    void *item;
    while (queue_get(&fetch->plant->back, &item, 0) == QUEUE_ITEM) {
        struct job *job = item;
        if (job->phase == JOB_ISSUERS && job->why.code == ERR_OK) {
            job->link = fetch->parked;
            fetch->parked = job;
        } else {
            job_failed(fetch, job, 200, -1);
        }
    }
}

static void parked_run(struct fetch *fetch)
{
    uint64_t turn = issuers_turn(fetch->plant->issuers);
    struct job **place = &fetch->parked;
    while (*place != NULL) {
        struct job *job = *place;
        if (job->issuers_seen == turn) {
            place = &job->link;
            continue;
        }
        *place = job->link;
        must(queue_put_try(&fetch->plant->replies, job));
    }
}

/* Logs
 * ---------------------------------------------------------------------------------------------------------
 */

/* Good batches end a row of failures. */
static void progress(struct fetch *fetch, struct follow *follow, int64_t now_ms)
{
    struct follow_fetch *own = &follow->fetch;
    uint64_t good = atomic_load(&follow->good);
    if (own->progress_ms == 0)
        own->progress_ms = now_ms;
    if (good == own->good_seen)
        return;
    own->good_seen = good;
    own->progress_ms = now_ms;
    own->fails = 0;
    rate_backoff_reset(&own->backoff);
    error_note(fetch->plant, follow, "");
}

/* With `once` a log that does not answer must not hold the others up for ever. */
static void give_up(struct fetch *fetch, struct follow *follow, int64_t now_ms)
{
    const struct follow_fetch *own = &follow->fetch;
    bool busy = own->host->hold_until_ms > now_ms && now_ms - own->progress_ms > UNREAD_MS;
    if (!busy && own->fails < UNREAD_FAILS && own->head_fails < UNREAD_FAILS)
        return;
    thread_lock(&follow->lock);
    bool forged = follow->bad_head;
    thread_unlock(&follow->lock);
    atomic_store(forged ? &follow->unverified : &follow->unread, true);
    atomic_store(&follow->done, true);
    plant_kick(fetch->plant, follow);
}

static bool follow_ready(struct fetch *fetch, struct follow *follow, int64_t now_ms)
{
    if (atomic_load(&follow->removed) || atomic_load(&follow->done))
        return false;
    if (follow->fetch.host == NULL)
        follow->fetch.host = host_of(&fetch->hosts, follow->log.url, now_ms);
    return follow->fetch.host != NULL;
}

static void follows_run(struct fetch *fetch, int64_t now_ms, int64_t *wait_ms)
{
    struct plant *plant = fetch->plant;
    size_t count = atomic_load(&plant->follow_count);
    bool any_open = false;
    for (size_t i = 0; i < count; i++) {
        struct follow *follow = plant->follows[i];
        if (!follow_ready(fetch, follow, now_ms))
            continue;
        any_open = true;
        progress(fetch, follow, now_ms);
        errand_run(fetch->errand, follow, now_ms, wait_ms);
        if (plant->options.once)
            give_up(fetch, follow, now_ms);
    }
    if (plant->options.once && !any_open)
        plant_stop(plant);
}

/* One request per log and round, so that a long backlog does not take all batches from the others. */
static void entries_run(struct fetch *fetch, int64_t now_ms, int64_t *wait_ms)
{
    struct plant *plant = fetch->plant;
    size_t count = atomic_load(&plant->follow_count);
    bool any = true;
    while (any) {
        any = false;
        fetch->turn++;
        for (size_t i = 0; i < count; i++) {
            struct follow *follow = plant->follows[(fetch->turn + i) % count];
            if (!follow_ready(fetch, follow, now_ms) || follow->fetch.hold_until_ms > now_ms ||
                follow->fetch.host->hold_until_ms > now_ms)
                continue;
            any = lane_ask(fetch, follow, &follow->again, now_ms, wait_ms) || any;
            any = lane_ask(fetch, follow, &follow->read, now_ms, wait_ms) || any;
        }
    }
}

static void list_free(struct plant *plant, struct job **list)
{
    while (*list != NULL) {
        struct job *job = *list;
        *list = job->link;
        plant_job_free(plant, job);
    }
}

/* What is under way may still come and be stored; then the workers are told that nothing follows. */
static void drain(struct fetch *fetch)
{
    struct plant *plant = fetch->plant;
    int64_t until_ms = clock_mono_ms() + DRAIN_MS;
    list_free(plant, &fetch->waiting);
    fetch->waiting_end = &fetch->waiting;
    while (wire_count(plant->wire) != 0 && clock_mono_ms() < until_ms) {
        wire_turn(plant->wire, 50);
        list_free(plant, &fetch->waiting);
        fetch->waiting_end = &fetch->waiting;
    }
    wire_cancel(plant->wire);
    queue_close(&plant->replies);
    queue_close(&plant->back);
    back_run(fetch);
    list_free(plant, &fetch->waiting);
    list_free(plant, &fetch->parked);
}

void fetch_run(void *arg)
{
    struct plant *plant = arg;
    struct fetch fetch = {.plant = plant, .hosts.requests_per_s = plant->options.requests_per_s};
    fetch.waiting_end = &fetch.waiting;
    fetch.errand = errand_new(plant);
    must(fetch.errand != NULL);
    while (!plant_stopping(plant)) {
        int64_t now_ms = clock_mono_ms();
        int64_t wait_ms = TURN_MS;
        back_run(&fetch);
        parked_run(&fetch);
        waiting_run(&fetch, now_ms, &wait_ms);
        follows_run(&fetch, now_ms, &wait_ms);
        entries_run(&fetch, now_ms, &wait_ms);
        wire_turn(plant->wire, wait_ms);
    }
    drain(&fetch);
    errand_free(fetch.errand);
    host_free_all(&fetch.hosts);
}
