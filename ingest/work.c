#include "ingest/work.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/metric.h"
#include "base/say.h"
#include "ingest/chains.h"
#include "ingest/examine.h"
#include "ingest/gunzip.h"
#include "ingest/tilewatch.h"

#define ISSUER_MEMO   64 /* distinct issuers per tile are few: 5 to 52 were seen */
#define STAGE_WAIT_MS 500
#define STUCK_COUNT   3

struct work {
    struct plant *plant;
    struct gunzip *gunzip;
    struct chains *chains;
};

/* Issuer certificates already copied for this batch. */
struct memo {
    struct span sha256[ISSUER_MEMO];
    struct span der[ISSUER_MEMO];
    size_t count;
};

static bool arena_was_full(const struct batch *batch)
{
    for (size_t i = 0; i < batch->entry_count; i++)
        if (finding_has(&batch->entries[i].issuance.findings, FINDING_NAMES_TRUNCATED))
            return true;
    return false;
}

enum err_code work_decode(const struct proto *proto, struct batch *batch, unsigned width,
                          struct gunzip *gunzip, struct err *why)
{
    enum err_code code = ERR_OK;
    if (gunzip_is_gzip(batch->body))
        code = gunzip_run(gunzip, batch->body, &batch->arena, batch->arena.ceiling, &batch->body, why);
    if (code == ERR_OK)
        code = proto->decode(batch, width, why);
    if (code != ERR_OK)
        return code;
    examine_entries(batch->entries, batch->entry_count, &batch->arena);
    for (size_t i = 0; i < batch->entry_count; i++)
        batch->entries[i].sighting.log_id = batch->log->id;
    metric_add(METRIC_BATCHES_TOTAL, 1);
    /* Names cut off for want of room would match every watch; read in smaller pieces there is room. */
    if (!batch->big && arena_was_full(batch))
        return err_set(why, ERR_TOO_BIG, "the names of %zu entries do not fit", batch->entry_count);
    return ERR_OK;
}

/* Issuers ---------------------------------------------------------------------------------------- */

static enum issuers_answer issuer_get(struct plant *plant, struct job *job, struct memo *memo,
                                      struct span sha256, struct span *der)
{
    for (size_t i = 0; i < memo->count; i++) {
        if (!span_eq(memo->sha256[i], sha256))
            continue;
        *der = memo->der[i];
        return ISSUERS_KNOWN;
    }
    enum issuers_answer answer =
        issuers_get(plant->issuers, job->follow->log.id, sha256.at, &job->batch.arena, der);
    if (answer == ISSUERS_KNOWN && memo->count < ISSUER_MEMO) {
        memo->sha256[memo->count] = sha256;
        memo->der[memo->count++] = *der;
    }
    return answer;
}

/* The first certificate of each chain decides about the issuer, so the entry waits for it; the others come
 * when they come (chains.h). */
static bool entry_issuer(struct plant *plant, struct job *job, struct memo *memo, struct entry *entry)
{
    struct span all = entry->unverified_fingerprints;
    struct span der = SPAN_NONE;
    if (all.len < 32)
        return true;
    enum issuers_answer answer = issuer_get(plant, job, memo, span_part(all, 0, 32), &der);
    entry->unverified_chain[0] = der;
    entry->chain_count = der.at != NULL ? 1 : 0;
    /* get-entries has the chain itself. */
    if (answer == ISSUERS_ABSENT && job->by_tile)
        (void)err_set(&job->why, ERR_NOT_FOUND, "an issuer certificate that a tile names is not served");
    return answer != ISSUERS_WAIT;
}

/* False: some are not there yet; the batch has to wait. */
static bool issuers_attach(struct plant *plant, struct job *job)
{
    struct batch *batch = &job->batch;
    struct memo memo = {.count = 0};
    bool all = true;
    for (size_t i = 0; i < batch->entry_count; i++)
        if (batch->entries[i].kind != ENTRY_OPAQUE)
            all = entry_issuer(plant, job, &memo, &batch->entries[i]) && all;
    all = all && job->why.code == ERR_OK;
    for (size_t i = 0; all && i < batch->entry_count; i++) {
        struct entry *entry = &batch->entries[i];
        if (entry->kind == ENTRY_X509 && entry->chain_count != 0)
            examine_issuer(entry, entry->unverified_chain[0]);
    }
    return all;
}

/* Matching --------------------------------------------------------------------------------------- */

enum err_code work_match(const struct pipe_stage *stage, struct batch *batch, uint64_t generation,
                         struct err *why)
{
    if (stage->run == NULL)
        return ERR_OK;
    arena_rewind(&batch->arena, batch->stage_mark);
    batch->alerts = NULL;
    batch->alert_count = 0;
    return stage->run(stage->arg, batch, generation, why);
}

/* One batch -------------------------------------------------------------------------------------- */

static void give_back(struct work *work, struct job *job)
{
    if (queue_put(&work->plant->back, job))
        plant_wake(work->plant);
    else
        plant_job_free(work->plant, job);
}

/* Into log order; what did not come is asked for again. */
static void deliver(struct work *work, struct job *job)
{
    struct follow *follow = job->follow;
    struct batch *batch = &job->batch;
    thread_lock(&follow->lock);
    bool fits = job->lane->active && job->lane->ordinal == job->ordinal;
    if (fits) {
        /* A page that ends before an entry nobody can read says nothing about how long pages are. */
        if (!batch->cut)
            plan_learn(&follow->plan, job->begin, job->end, batch->end);
        if (batch->end < job->end)
            lane_hole(job->lane, batch->end, job->end);
        lane_came(job->lane, batch->begin, batch->end);
        fits = seq_put(&job->lane->seq, batch->begin, batch->end, job);
        must(fits); /* the window of the lane bounds what is under way */
    }
    bool is_short = batch->end < job->end;
    bool by_tile = job->by_tile;
    thread_unlock(&follow->lock);
    if (!fits) {
        plant_job_free(work->plant, job);
        return;
    }
    atomic_fetch_add(&follow->good, 1);
    if (by_tile) /* the job is the settler's by now */
        atomic_fetch_add(&follow->good_tiles, 1);
    plant_kick(work->plant, follow);
    if (is_short)
        plant_wake(work->plant);
}

/* A world error of the stage (no database to read the watches from) is waited out here: it concerns every
 * batch. */
static enum err_code stage_run(struct work *work, struct job *job)
{
    const struct pipe_stage *stage = &work->plant->options.stage;
    job->batch.stage_mark = arena_mark(&job->batch.arena);
    for (;;) {
        err_clear(&job->why);
        enum err_code code = work_match(stage, &job->batch, 0, &job->why);
        if (code == ERR_OK || code == ERR_TOO_BIG || plant_stopping(work->plant))
            return code;
        say_warn("ingest", "matching waits: %s", job->why.text);
        clock_sleep_ms(STAGE_WAIT_MS);
    }
}

/* Of an entry that keeps the log from being read on people are told once the log has sent the same bytes
 * several times: damage on the way passes by itself. */
static void stuck_tell(struct work *work, struct job *job)
{
    const struct pipe_stage *stage = &work->plant->options.stage;
    struct follow *follow = job->follow;
    struct batch *batch = &job->batch;
    struct err why = {.code = ERR_OK};
    if (stage->stuck == NULL || !job->stage || batch->entry_count == 0)
        return;
    uint64_t hash = hash_keyed(batch->entries[0].extra);
    thread_lock(&follow->lock);
    bool same = follow->stuck_index == batch->begin && follow->stuck_hash == hash;
    follow->stuck_index = batch->begin;
    follow->stuck_hash = hash;
    follow->stuck_count = same ? follow->stuck_count + 1 : 1;
    bool now = follow->stuck_count == STUCK_COUNT;
    thread_unlock(&follow->lock);
    if (!now)
        return;
    if (stage->stuck(stage->arg, batch, &why) == ERR_OK)
        return;
    say_warn(follow->log.name, "no alert yet: %s", why.text);
    thread_lock(&follow->lock);
    follow->stuck_count = 0;
    thread_unlock(&follow->lock);
}

static void one(struct work *work, struct job *job)
{
    enum err_code code = ERR_OK;
    if (job->phase == JOB_REPLY)
        code = work_decode(job->proto, &job->batch, job->width, work->gunzip, &job->why);
    const struct pipe_source *source = &work->plant->options.source;
    if (job->phase == JOB_REPLY && source->judge != NULL)
        code = source->judge(source->arg, &job->batch, code, &job->why);
    if (code == ERR_FORMAT)
        stuck_tell(work, job);
    if (code != ERR_OK) {
        give_back(work, job);
        return;
    }
    enum tilewatch_pass pass = tilewatch_look(job);
    if (pass == TILEWATCH_AGAIN) {
        give_back(work, job);
        return;
    }
    job->phase = JOB_ISSUERS;
    job->issuers_seen = issuers_turn(work->plant->issuers);
    if (pass == TILEWATCH_WAIT) {
        give_back(work, job);
        return;
    }
    if (job->proto->tiles && !issuers_attach(work->plant, job)) {
        plant_kick(work->plant, job->follow); /* the database may have them */
        give_back(work, job);
        return;
    }
    chains_bring(work->chains, work->plant->issuers, job->follow->log.id, &job->batch);
    if (job->stage && stage_run(work, job) != ERR_OK) {
        give_back(work, job);
        return;
    }
    deliver(work, job);
}

void work_run(void *arg)
{
    struct work work = {.plant = arg, .gunzip = gunzip_new(), .chains = chains_new()};
    struct plant *plant = work.plant;
    must(work.gunzip != NULL && work.chains != NULL);
    void *item;
    while (queue_get(&plant->replies, &item, -1) == QUEUE_ITEM)
        one(&work, item);
    gunzip_free(work.gunzip);
    chains_free(work.chains);
    if (atomic_fetch_sub(&plant->workers_left, 1) == 1)
        for (unsigned i = 0; i < plant->options.settlers; i++)
            queue_close(&plant->kicks[i]);
}
