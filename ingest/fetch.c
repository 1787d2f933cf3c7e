#include "ingest/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/say.h"
#include "ingest/backlog.h"
#include "ingest/errand.h"
#include "ingest/host.h"
#include "ingest/share.h"
#include "ingest/tilewatch.h"
#include "parser/tile.h"

#define TURN_MS          1000 /* longest sleep: timers are at most this late */
#define BIG_WAIT_MS      100
#define DRAIN_MS         3000 /* after a stop, what is under way may still come */
#define BIG_RETRY_MS     2500 /* doubles with each refusal, to */
#define BIG_RETRY_MS_MAX 300000
#define BODY_SHOWN       40
#define STUCK_TRIES      6      /* an entry refused this often, */
#define STUCK_MS         180000 /* over this time, is told of */
#define UNREAD_FAILS     6

struct fetch {
    struct plant *plant;
    struct errand *errand;
    struct host_table hosts;
    struct share share;
    size_t turn; /* where the round over the logs begins */
    struct turn_wheel wheel;
    uint64_t wheel_round;
};

static void error_note(struct plant *plant, struct follow *follow, const char *text)
{
    thread_lock(&follow->lock);
    snprintf(follow->error_read, sizeof(follow->error_read), "%s", text);
    thread_unlock(&follow->lock);
    plant_kick(plant, follow);
}

/* A request for entries failed, or its bytes were no use. */
static void entries_failed(struct fetch *fetch, struct follow *follow, const struct err *why)
{
    struct follow_fetch *own = &follow->fetch;
    int64_t now_ms = clock_mono_ms();
    say_debug(follow->log.name, "%s", why->text);
    error_note(fetch->plant, follow, why->text);
    /* That is about the operator, not about the log (host.h). Requests sent together fail together and count
     * as one. */
    if (why->code == ERR_HTTP_BUSY || now_ms < own->hold_until_ms)
        return;
    own->fails++;
    own->silent = why->code == ERR_TIMEOUT;
    own->hold_until_ms = now_ms + rate_backoff_next(&own->backoff);
}

/* Lends the big arena to the job; false: it can not be made. Only the entries that a log is settled with next
 * get here (lane_has): later ones would hold it while they wait for earlier ones that need it too. */
static bool big_lend(struct fetch *fetch, struct job *job)
{
    struct plant *plant = fetch->plant;
    if (!plant->big_made)
        plant->big_made = arena_init_file(&plant->big, plant->options.big_bytes, plant->options.big_dir);
    if (!plant->big_made)
        return false;
    must(!atomic_exchange(&plant->big_taken, true));
    job->own = job->batch.arena;
    job->batch.arena = plant->big;
    job->batch.big = true;
    return true;
}

/* What came instead of entries, as far as it can be shown. */
static void body_show(struct job *job)
{
    char text[BODY_SHOWN + 1] = "";
    struct span body = job->batch.body;
    struct err why = {.code = ERR_OK};
    for (size_t i = 0; i < body.len && i < BODY_SHOWN; i++) {
        text[i] = body.at[i] >= ' ' && body.at[i] <= '~' && body.at[i] != '"' ? (char)body.at[i] : '.';
        text[i + 1] = '\0';
    }
    err_set(&why, job->why.code, "%.300s (%zu bytes, they begin \"%s\")", job->why.text, body.len, text);
    job->why = why;
}

/* The stretch goes back to its lane. */
static void job_return(struct job *job)
{
    thread_lock(&job->follow->lock);
    if (job->lane->active && job->lane->ordinal == job->ordinal)
        lane_hole(job->lane, job->begin, job->end);
    thread_unlock(&job->follow->lock);
}

/* What a refusal teaches about the stretch goes to its lane, and so does the stretch; the batch is free for
 * others while the log is left alone. */
enum amiss { AMISS_REFUSED, AMISS_NO_PARTIAL, AMISS_TOO_LONG, AMISS_TOO_BIG, AMISS_NO_TILE };

static enum amiss job_amiss(const struct job *job, long status)
{
    bool tiles = job->proto->tiles;
    /* "Later" is said by the host, and a batch may be taken back for another log: both say nothing of the
     * tile. */
    bool soon = job->why.code == ERR_TIMEOUT && clock_mono_ms() - job->since_ms < HYBRID_SLOW_MS;
    if (job->by_tile && job->why.code != ERR_HTTP_BUSY && !soon)
        return AMISS_NO_TILE;
    if (job->why.code == ERR_TOO_BIG && !tiles && job->end - job->begin > 1)
        return AMISS_TOO_LONG;
    if (job->why.code == ERR_TOO_BIG && !job->batch.big)
        return AMISS_TOO_BIG;
    /* A partial tile may go once the full one exists: its first entries are the same. */
    if (tiles && (status == 404 || status == 403) && job->width < TILE_WIDTH)
        return AMISS_NO_PARTIAL;
    return AMISS_REFUSED;
}

/* With the lock held. Returns how often the stretch was refused now, if it is the one in the way. */
static unsigned job_learn(struct job *job, enum amiss amiss, int64_t now_ms)
{
    struct follow *follow = job->follow;
    struct lane *lane = job->lane;
    if (amiss == AMISS_TOO_BIG) {
        lane_too_big(lane, job->begin, job->end);
        return 0;
    }
    if (amiss != AMISS_REFUSED) {
        lane_hole(lane, job->begin, job->end);
        if (amiss == AMISS_NO_PARTIAL)
            lane->full_at = job->begin;
        else if (amiss == AMISS_TOO_LONG)
            plan_too_big(&follow->plan, job->end - job->begin);
        return 0;
    }
    if (job->full_tile)
        lane->full_at = LANE_NONE;
    if (follow->tile != NULL && job->why.code == ERR_TIMEOUT)
        hybrid_page_failed(&follow->fetch.hybrid, job->begin);
    unsigned tries = lane_refused(lane, job->begin, job->end, now_ms);
    /* Some servers cut large documents off, need too long for them, or fail over one entry of them: half of
     * it may come through. */
    bool half = job->why.code == ERR_FORMAT || job->why.code == ERR_TIMEOUT || job->why.code == ERR_HTTP;
    if (half && tries >= 2 && !job->proto->tiles)
        lane_halve(lane);
    return tries;
}

/* An entry that a log does not give is named: nothing behind it is read until it comes. */
static void refusal_say(struct job *job, unsigned tries, bool stuck, int64_t since_ms, int64_t now_ms)
{
    struct err *why = &job->why;
    uint64_t last = job->end - 1;
    bool named = strncmp(why->text, "entry ", 6) == 0; /* by who could not read it */
    if (!named && job->begin == last)
        err_prefix(why, "entry %" PRIu64, last);
    else if (!named)
        err_prefix(why, "entries %" PRIu64 " to %" PRIu64, job->begin, last);
    if (stuck)
        say_error(job->follow->log.name,
                  "%s; refused %u times in %" PRId64
                  " minutes, nothing behind it is read until the log gives "
                  "it: tell the operator of the log",
                  why->text, tries, (now_ms - since_ms) / 60000);
}

/* Hundreds of megabytes for nothing are soon asked for only every five minutes. */
static int64_t big_pause_ms(unsigned tries)
{
    int64_t pause_ms = BIG_RETRY_MS;
    for (; tries > 1 && pause_ms < BIG_RETRY_MS_MAX; tries--)
        pause_ms *= 2;
    return pause_ms < BIG_RETRY_MS_MAX ? pause_ms : BIG_RETRY_MS_MAX;
}

static void job_refused(struct fetch *fetch, struct job *job, unsigned tries)
{
    struct follow *follow = job->follow;
    struct follow_fetch *own = &follow->fetch;
    int64_t now_ms = clock_mono_ms();
    thread_lock(&follow->lock);
    int64_t since_ms = job->lane->snag.since_ms;
    bool stuck =
        tries != 0 && job->why.code != ERR_HTTP_BUSY && lane_stuck(job->lane, STUCK_TRIES, STUCK_MS, now_ms);
    thread_unlock(&follow->lock);
    /* Neither tile is there: the head has moved on, or is ahead of its tiles. */
    if (job->full_tile)
        own->head_due_ms = now_ms;
    refusal_say(job, tries, stuck, since_ms, now_ms);
    entries_failed(fetch, follow, &job->why);
    if (job->batch.big && !fetch->plant->options.once && tries > 1)
        own->hold_until_ms = now_ms + big_pause_ms(tries);
}

static void tile_failed(struct job *job)
{
    struct follow *follow = job->follow;
    bool lacking = job->why.code == ERR_NOT_FOUND;
    say_debug(follow->log.name, "entries %" PRIu64 " to %" PRIu64 " come by get-entries: %s", job->begin,
              job->end - 1, job->why.text);
    hybrid_tile_failed(&follow->fetch.hybrid, job->begin, lacking ? HYBRID_LACKING : HYBRID_AWAY,
                       atomic_load(&follow->good_tiles), clock_mono_ms());
}

static void job_failed(struct fetch *fetch, struct job *job, long status)
{
    struct follow *follow = job->follow;
    enum amiss amiss = job_amiss(job, status);
    if (job->phase == JOB_REPLY && job->why.code == ERR_FORMAT)
        body_show(job);
    thread_lock(&follow->lock);
    bool current = job->why.code != ERR_CLOSED && job->lane->active && job->lane->ordinal == job->ordinal &&
                   !atomic_load(&follow->removed);
    if (current && amiss == AMISS_NO_TILE)
        tile_failed(job);
    unsigned tries = current ? job_learn(job, amiss, clock_mono_ms()) : 0;
    thread_unlock(&follow->lock);
    if (current && amiss == AMISS_REFUSED)
        job_refused(fetch, job, tries);
    plant_job_free(fetch->plant, job);
}

/* Asking for entries ----------------------------------------------------------------------------- */

static void entries_done(void *arg, const struct wire_reply *reply)
{
    struct job *job = arg;
    struct fetch *fetch = job->home;
    struct follow *follow = job->follow;
    int64_t now_ms = clock_mono_ms();
    host_answer(&job->permit, reply, now_ms);
    share_answered(&fetch->share, job, now_ms);
    job->why = reply->why;
    if (reply->code != ERR_OK) {
        job_failed(fetch, job, reply->status);
        return;
    }
    if (job->by_tile)
        hybrid_tile_came(&follow->fetch.hybrid, now_ms - job->since_ms, now_ms);
    else if (follow->tile != NULL)
        hybrid_page_came(&follow->fetch.hybrid, job->end - job->begin, now_ms - job->since_ms);
    job->batch.body = reply->body;
    job->batch.received_wall_ms = clock_wall_ms();
    job->phase = JOB_REPLY;
    must(queue_put_try(&fetch->plant->replies, job));
}

static void job_start(struct fetch *fetch, struct job *job, int64_t now_ms)
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
    if (job->wants_big && !big_lend(fetch, job)) {
        err_set(&job->why, ERR_SYSTEM, "no room for a file of %zu MiB to read a large entry into",
                plant->options.big_bytes >> 20);
        job_failed(fetch, job, 0);
        return;
    }
    if (job->proto->tiles && !job->by_tile && !job->full_tile)
        job->width = tile_width(0, job->begin / TILE_WIDTH, job->tree);
    char url[PROTO_URL_MAX];
    job->proto->entries_url(&follow->log, job->begin, job->end, job->width, url);
    /* Half of a batch is left for what is decoded from the reply. */
    size_t ceiling = (batch->big ? plant->options.big_bytes : plant->options.batch_bytes) / 2;
    bool gzip = !plant_behind(fetch->plant);
    struct wire_ask ask = {.url = url,
                           .arena = &batch->arena,
                           .ceiling = ceiling,
                           .fresh = job->fresh,
                           .gzip = gzip,
                           .done = entries_done,
                           .arg = job};
    host_send(follow->fetch.host, &ask, false, &job->permit, now_ms);
    if (wire_get(plant->wire, &ask, &job->why) != ERR_OK) {
        host_unsent(&job->permit);
        job_failed(fetch, job, 0);
        return;
    }
    share_asked(&fetch->share, job, now_ms);
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
    if (lane->tree != 0)
        return lane->tree;
    uint64_t floor = head - head % TILE_WIDTH;
    bool waits =
        follow->proto->tiles || (follow->tile != NULL && now_ms >= follow->fetch.hybrid.off_until_ms);
    if (!waits || options->once || lane == &follow->again)
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

/* How long the lane has to wait for what its next request needs; 0: it may go out. */
static int64_t ask_wait(const struct fetch *fetch, const struct follow *follow, bool big, int64_t now_ms)
{
    if (big && atomic_load(&fetch->plant->big_taken))
        return BIG_WAIT_MS;
    /* A head never waits for a connection that backlogs hold. */
    return host_wait(follow->fetch.host, backlog_is(follow), now_ms);
}

/* What comes next, and how. What is read a second time comes in the way that the log answers for. With the
 * lock held. */
static bool job_next(struct follow *follow, struct lane *lane, uint64_t limit, int64_t now_ms,
                     struct job *job)
{
    job->by_tile = false;
    job->proto = follow->proto;
    if (follow->tile == NULL || lane == &follow->again || lane_next_big(lane))
        return lane_next(lane, &follow->plan, limit, &job->begin, &job->end);
    struct hybrid_scope scope = {limit, follow->head_size, now_ms};
    struct hybrid_ask ask = {.tile = false};
    bool found = hybrid_next(&follow->fetch.hybrid, lane, &follow->plan, &scope, &ask);
    job->begin = ask.begin;
    job->end = ask.end;
    job->by_tile = ask.tile;
    if (job->by_tile)
        job->proto = follow->tile;
    return found;
}

/* One more request for this lane; false: nothing to ask for, or not now. */
static bool lane_ask(struct fetch *fetch, struct follow *follow, struct lane *lane, int64_t now_ms,
                     int64_t *wait_ms)
{
    thread_lock(&follow->lock);
    uint64_t limit = lane_limit(fetch, follow, lane, now_ms, wait_ms);
    bool has = lane_has(lane, limit);
    bool big = lane_next_big(lane);
    thread_unlock(&follow->lock);
    if (!has)
        return false;
    int64_t hold_ms = ask_wait(fetch, follow, big, now_ms);
    if (hold_ms > 0) {
        *wait_ms = hold_ms < *wait_ms ? hold_ms : *wait_ms;
        return false;
    }
    struct job *job = share_take(&fetch->share, follow, lane, now_ms);
    if (job == NULL)
        return false;
    thread_lock(&follow->lock);
    bool found = job_next(follow, lane, limit, now_ms, job);
    job->ordinal = lane->ordinal;
    job->fresh = lane->fresh;
    job->tree = lane->tree != 0 ? lane->tree : follow->head_size;
    job->stage = lane->stage;
    job->full_tile = job->begin == lane->full_at;
    job->wants_big = job->begin == lane->big_begin;
    if (found)
        tilewatch_plan(job, now_ms);
    thread_unlock(&follow->lock);
    /* Taking the batch may have given another stretch back, which needs what was not looked for. */
    if (!found || (job->wants_big && !big)) {
        if (found)
            job_return(job);
        plant_job_free(fetch->plant, job);
        return false;
    }
    if (backlog_is(follow))
        turn_charge(&fetch->wheel, &follow->fetch.turn, job->end - job->begin, atomic_load(&follow->yield));
    job_start(fetch, job, now_ms);
    return true;
}

/* What the workers gave back: replies of no use, and batches that wait for issuer certificates. */
static void back_run(struct fetch *fetch)
{
    void *item;
    while (queue_get(&fetch->plant->back, &item, 0) == QUEUE_ITEM) {
        struct job *job = item;
        if (job->phase == JOB_ISSUERS && job->why.code == ERR_OK)
            share_park(&fetch->share, job, clock_mono_ms());
        else
            job_failed(fetch, job, 200);
    }
}

static void parked_run(struct fetch *fetch, int64_t now_ms)
{
    for (;;) {
        struct job *job = share_unpark(&fetch->share, now_ms);
        if (job == NULL)
            return;
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
    bool held = host_hold_until(own->host) > now_ms;
    if (good != own->good_seen)
        own->busy_ms = held ? now_ms : 0;
    else if (held && own->busy_ms == 0)
        own->busy_ms = now_ms;
    if (good == own->good_seen)
        return;
    own->good_seen = good;
    own->parked_ms = now_ms;
    own->fails = 0;
    own->silent = false;
    rate_backoff_reset(&own->backoff);
    error_note(fetch->plant, follow, "");
}

/* With `once` a log that does not answer must not hold the others up for ever. */
static void give_up(struct fetch *fetch, struct follow *follow, int64_t now_ms)
{
    const struct follow_fetch *own = &follow->fetch;
    bool busy = own->busy_ms != 0 && host_hold_until(own->host) > now_ms &&
                now_ms - own->busy_ms > fetch->plant->options.give_up_ms;
    /* What an archive does not give it will not give later. */
    bool archive = follow->log.protocol == CTLOG_ARCHIVE;
    unsigned most = archive ? 1 : UNREAD_FAILS;
    if (!busy && own->fails < most && own->head_fails < most)
        return;
    thread_lock(&follow->lock);
    bool forged = follow->bad_head;
    struct err last = {.code = ERR_OK};
    err_set(&last, ERR_HTTP, "%s", follow->error_read[0] != '\0' ? follow->error_read : follow->error_head);
    uint64_t at = follow->read.seq.next;
    uint64_t goal = follow->head_target;
    bool known = follow->head_known;
    thread_unlock(&follow->lock);
    if (known)
        say(archive ? SAY_DEBUG : SAY_ERROR, follow->log.name,
            "given up; read up to %" PRIu64 " of %" PRIu64 " entries; last answer: %s", at, goal, last.text);
    else
        say_error(follow->log.name, "given up; its tree head was never seen; last answer: %s", last.text);
    atomic_store(forged ? &follow->unverified : &follow->unread, true);
    atomic_store(&follow->done, true);
    plant_kick(fetch->plant, follow);
}

/* Nothing of a removed log stays under way or remembered. */
static void follow_forget(struct fetch *fetch, struct follow *follow)
{
    errand_drop(fetch->errand, follow);
    share_drop(&fetch->share, follow);
    thread_lock(&follow->lock);
    bool empty = follow->read.outstanding == 0 && follow->again.outstanding == 0;
    thread_unlock(&follow->lock);
    if (!empty)
        return;
    issuers_forget(fetch->plant->issuers, follow->log.id);
    follow->fetch.forgotten = true;
}

static bool follow_ready(struct fetch *fetch, struct follow *follow, int64_t now_ms)
{
    if (atomic_load(&follow->removed) || atomic_load(&follow->done))
        return false;
    if (follow->fetch.host == NULL)
        follow->fetch.host = host_of(&fetch->hosts, &follow->log, now_ms);
    return follow->fetch.host != NULL;
}

static void follows_run(struct fetch *fetch, int64_t now_ms, int64_t *wait_ms)
{
    struct plant *plant = fetch->plant;
    size_t count = atomic_load(&plant->follow_count);
    bool any_open = false;
    for (size_t i = 0; i < count; i++) {
        struct follow *follow = plant->follows[i];
        if (atomic_load(&follow->removed) && !follow->fetch.forgotten)
            follow_forget(fetch, follow);
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

static bool follow_ask(struct fetch *fetch, struct follow *follow, int64_t now_ms, int64_t *wait_ms)
{
    int64_t hold_ms = follow->fetch.hold_until_ms - now_ms;
    if (hold_ms > 0) {
        *wait_ms = hold_ms < *wait_ms ? hold_ms : *wait_ms;
        return false;
    }
    bool any = lane_ask(fetch, follow, &follow->again, now_ms, wait_ms);
    return lane_ask(fetch, follow, &follow->read, now_ms, wait_ms) || any;
}

/* What the heads leave. */
static void backlogs_run(struct fetch *fetch, int64_t now_ms, int64_t *wait_ms)
{
    struct follow *follow;
    fetch->wheel_round++;
    while ((follow = backlog_next(fetch->plant, fetch->wheel_round)) != NULL)
        if (!follow_ask(fetch, follow, now_ms, wait_ms))
            follow->fetch.turn_round = fetch->wheel_round;
}

/* One request per log and round, so that one that lags does not take all batches from the others. */
static void entries_run(struct fetch *fetch, int64_t now_ms, int64_t *wait_ms)
{
    struct plant *plant = fetch->plant;
    size_t count = atomic_load(&plant->follow_count);
    bool owed = plant_bytes_owed(plant, now_ms, wait_ms);
    bool any = !owed;
    share_round(&fetch->share, now_ms);
    while (any) {
        any = false;
        fetch->turn++;
        for (size_t i = 0; i < count; i++) {
            struct follow *follow = plant->follows[(fetch->turn + i) % count];
            if (!backlog_is(follow) && follow_ready(fetch, follow, now_ms))
                any = follow_ask(fetch, follow, now_ms, wait_ms) || any;
        }
    }
    if (!owed)
        backlogs_run(fetch, now_ms, wait_ms);
}

/* What is under way may still come and be stored; then the workers are told that nothing follows. */
static void drain(struct fetch *fetch)
{
    struct plant *plant = fetch->plant;
    int64_t until_ms = clock_mono_ms() + DRAIN_MS;
    while (wire_count(plant->wire) != 0 && clock_mono_ms() < until_ms)
        wire_turn(plant->wire, 50);
    wire_cancel(plant->wire);
    queue_close(&plant->replies);
    queue_close(&plant->back);
    back_run(fetch);
    struct job *job;
    while ((job = share_unpark(&fetch->share, INT64_MAX)) != NULL)
        plant_job_free(plant, job);
}

void fetch_run(void *arg)
{
    struct plant *plant = arg;
    struct fetch fetch = {.plant = plant, .share.plant = plant};
    fetch.hosts = (struct host_table){.pacer = plant->pacer,
                                      .sources = &plant->sources,
                                      .connections = plant->options.connections,
                                      .http2 = plant->options.http2,
                                      .no_keepalive = plant->options.no_keepalive};
    fetch.errand = errand_new(plant);
    must(fetch.errand != NULL);
    while (!plant_stopping(plant)) {
        int64_t now_ms = clock_mono_ms();
        int64_t wait_ms = TURN_MS;
        back_run(&fetch);
        parked_run(&fetch, now_ms);
        follows_run(&fetch, now_ms, &wait_ms);
        entries_run(&fetch, now_ms, &wait_ms);
        wire_turn(plant->wire, wait_ms);
    }
    drain(&fetch);
    errand_free(fetch.errand);
    host_free_all(&fetch.hosts);
}
