#include "ingest/share.h"

#include "ingest/backlog.h"
#include "ingest/tilewatch.h"

#define RECHECK_MS                                                                                           \
    5000 /* parked batches ask again at least this often: waits for issuers end by the clock                 \
          */

static bool well(const struct follow *follow, int64_t now_ms)
{
    const struct follow_fetch *own = &follow->fetch;
    bool stuck = own->parked != 0 && now_ms - own->parked_ms > SHARE_PARKED_MS;
    /* One refusal is chance; silence holds a batch for long, so once is enough. */
    return own->good_seen != 0 && own->fails < 2 && !own->silent && !stuck;
}

static unsigned held(struct follow *follow)
{
    thread_lock(&follow->lock);
    unsigned count = follow->read.outstanding + follow->again.outstanding;
    thread_unlock(&follow->lock);
    return count;
}

void share_round(struct share *share, int64_t now_ms)
{
    struct plant *plant = share->plant;
    share->failing = 0;
    share->behind = 0;
    share->first = NULL;
    for (size_t i = 0; i < atomic_load(&plant->follow_count); i++) {
        struct follow *follow = plant->follows[i];
        const struct follow_fetch *own = &follow->fetch;
        if (backlog_is(follow))
            share->behind += held(follow);
        if (well(follow, now_ms))
            continue;
        share->failing += held(follow);
        /* Who did not ask again in the last round does not stand in line any more. */
        bool waits = own->refused_ms != 0 && own->refused_round == share->round;
        if (waits && (share->first == NULL || own->refused_ms < share->first->fetch.refused_ms))
            share->first = follow;
    }
    share->round++;
}

/* Is it the turn of this log? For those that are not well. */
static bool next_in_line(struct share *share, struct follow *follow, int64_t now_ms)
{
    struct follow_fetch *own = &follow->fetch;
    bool mine = share->first == NULL || share->first == follow;
    if (own->refused_ms == 0 || own->refused_round + 1 < share->round)
        own->refused_ms = now_ms;
    own->refused_round = share->round;
    return mine;
}

/* Taking back ------------------------------------------------------------------------------------ */

static void give_back(struct share *share, struct job *job, uint64_t end)
{
    struct follow *follow = job->follow;
    thread_lock(&follow->lock);
    if (job->lane->active && job->lane->ordinal == job->ordinal)
        lane_hole(job->lane, job->begin, end);
    thread_unlock(&follow->lock);
    plant_job_free(share->plant, job);
}

/* A batch that waits in a sequencer behind something that is missing. */
static bool waiting_free(struct share *share, struct follow *follow, struct lane *lane)
{
    thread_lock(&follow->lock);
    struct job *job = lane->seq.count != 0 && !seq_ready(&lane->seq) ? seq_drop(&lane->seq) : NULL;
    thread_unlock(&follow->lock);
    if (job != NULL)
        give_back(share, job, job->batch.end);
    return job != NULL;
}

/* For a lane that reads a suspect stretch again: settling stands still for it. */
static bool any_free(struct share *share)
{
    struct plant *plant = share->plant;
    for (size_t i = 0; i < atomic_load(&plant->follow_count); i++) {
        struct follow *other = plant->follows[i];
        thread_lock(&other->lock);
        struct job *job = seq_drop(&other->read.seq);
        thread_unlock(&other->lock);
        if (job != NULL) {
            give_back(share, job, job->batch.end);
            return true;
        }
    }
    return false;
}

static void unpark(struct job **place)
{
    struct job *job = *place;
    *place = job->link;
    must(job->follow->fetch.parked > 0);
    job->follow->fetch.parked--;
}

/* A batch that waits for issuers of a log that is not well. `last`: even its only one, and then the log is
 * left alone for a while, because it would only wait again; the issuers are looked for meanwhile. */
static bool parked_free(struct share *share, const struct follow *follow, bool last, int64_t now_ms)
{
    for (struct job **place = &share->parked; *place != NULL; place = &(*place)->link) {
        struct job *job = *place;
        struct follow_fetch *own = &job->follow->fetch;
        if (job->follow == follow || well(job->follow, now_ms) || now_ms - own->parked_ms < SHARE_PARKED_MS ||
            (!last && held(job->follow) < 2))
            continue;
        if (last)
            own->hold_until_ms = now_ms + rate_backoff_next(&own->backoff);
        unpark(place);
        give_back(share, job, job->end);
        return true;
    }
    return false;
}

static bool gap_free(struct share *share, const struct follow *follow, int64_t now_ms)
{
    struct plant *plant = share->plant;
    for (size_t i = 0; i < atomic_load(&plant->follow_count); i++) {
        struct follow *other = plant->follows[i];
        if (other == follow || well(other, now_ms))
            continue;
        thread_lock(&other->lock);
        bool starved = lane_starved(&other->read);
        thread_unlock(&other->lock);
        if (starved && waiting_free(share, other, &other->read))
            return true;
    }
    return false;
}

static int64_t patience(const struct follow *follow)
{
    int64_t patience_ms = follow->fetch.patience_ms;
    return patience_ms == 0 ? SHARE_PATIENCE_MS_MIN : patience_ms;
}

/* The request that has been silent for longest; `failing`: only of logs that are not well. */
static bool silent_free(struct share *share, const struct follow *follow, bool failing, int64_t now_ms)
{
    struct job *oldest = NULL;
    for (size_t i = 0; i < share->asked_count; i++) {
        struct job *job = share->asked[i];
        if (job->follow == follow || (failing && well(job->follow, now_ms)) ||
            now_ms - job->since_ms < patience(job->follow))
            continue;
        if (oldest == NULL || job->since_ms < oldest->since_ms)
            oldest = job;
    }
    if (oldest == NULL)
        return false;
    int64_t longer_ms = 2 * patience(oldest->follow);
    oldest->follow->fetch.patience_ms = longer_ms < SHARE_PATIENCE_MS_MAX ? longer_ms : SHARE_PATIENCE_MS_MAX;
    wire_drop(share->plant->wire, oldest);
    return true;
}

/* Frees one batch for a log that has none. */
static bool squeeze(struct share *share, const struct follow *follow, bool is_well, int64_t now_ms)
{
    if (stock_count(&share->plant->stock) == 0 &&
        (parked_free(share, follow, false, now_ms) || gap_free(share, follow, now_ms)))
        return true;
    return silent_free(share, follow, !is_well, now_ms) || parked_free(share, follow, true, now_ms);
}

/* Taking ----------------------------------------------------------------------------------------- */

/* A quarter of the pool is left to the heads, and a quarter they do not keep from the backlogs for ever. */
static bool behind_may(struct share *share, const struct follow *follow, unsigned has)
{
    size_t quarter = stock_size(&share->plant->stock) / 4;
    return !backlog_is(follow) || stock_count(&share->plant->stock) > quarter ||
           (has == 0 && share->behind <= quarter);
}

struct job *share_take(struct share *share, struct follow *follow, struct lane *lane, int64_t now_ms)
{
    struct plant *plant = share->plant;
    size_t size = stock_size(&plant->stock);
    size_t half = size / 2 > 0 ? size / 2 : 1;
    bool is_well = well(follow, now_ms);
    if (!is_well && !next_in_line(share, follow, now_ms))
        return NULL;
    bool again = lane == &follow->again;
    thread_lock(&follow->lock);
    unsigned has = lane->outstanding;
    bool starved = lane_starved(lane) && lane->seq.count != 0;
    thread_unlock(&follow->lock);
    size_t free = stock_count(&plant->stock);
    bool may = has == 0 || (is_well && (again || has < free)) || (starved && (is_well || free > half));
    if (!behind_may(share, follow, has))
        return NULL;
    may = may && has < window_size(&follow->fetch.window, plant->options.window) &&
          (is_well || again || share->failing < half);
    struct job *job = may ? stock_get(&plant->stock) : NULL;
    /* The lane itself steps back when the very entry that it waits for is missing. */
    if (job == NULL &&
        ((starved && waiting_free(share, follow, lane)) || (has == 0 && again && any_free(share)) ||
         (has == 0 && squeeze(share, follow, is_well, now_ms))))
        job = stock_get(&plant->stock);
    if (job == NULL)
        return NULL;
    thread_lock(&follow->lock);
    lane->outstanding++;
    thread_unlock(&follow->lock);
    share->failing += is_well ? 0 : 1;
    share->behind += backlog_is(follow) ? 1 : 0;
    share->first = share->first == follow ? NULL : share->first;
    follow->fetch.refused_ms = 0;
    job->follow = follow;
    job->lane = lane;
    return job;
}

/* Requests --------------------------------------------------------------------------------------- */

void share_asked(struct share *share, struct job *job, int64_t now_ms)
{
    must(share->asked_count < LIMIT_BATCHES);
    job->since_ms = now_ms;
    share->asked[share->asked_count++] = job;
}

void share_answered(struct share *share, struct job *job, int64_t now_ms)
{
    size_t at = 0;
    while (share->asked[at] != job)
        must(++at < share->asked_count);
    share->asked[at] = share->asked[--share->asked_count];
    window_note(&job->follow->fetch.window, now_ms - job->since_ms);
}

void share_drop(struct share *share, const struct follow *follow)
{
    for (size_t i = 0; i < share->asked_count;) {
        struct job *job = share->asked[i];
        if (job->follow == follow)
            wire_drop(share->plant->wire, job);
        else
            i++;
    }
}

/* Issuers ---------------------------------------------------------------------------------------- */

void share_park(struct share *share, struct job *job, int64_t now_ms)
{
    struct follow_fetch *own = &job->follow->fetch;
    job->since_ms = now_ms;
    job->link = share->parked;
    share->parked = job;
    if (own->parked++ == 0)
        own->parked_ms = now_ms;
}

static bool gone(struct job *job)
{
    struct follow *follow = job->follow;
    thread_lock(&follow->lock);
    bool stale = !job->lane->active || job->lane->ordinal != job->ordinal;
    thread_unlock(&follow->lock);
    return stale || atomic_load(&follow->removed);
}

struct job *share_unpark(struct share *share, int64_t now_ms)
{
    uint64_t turn = issuers_turn(share->plant->issuers);
    for (struct job **place = &share->parked; *place != NULL; place = &(*place)->link) {
        struct job *job = *place;
        if (job->issuers_seen == turn && now_ms - job->since_ms < RECHECK_MS && !gone(job) &&
            !tilewatch_ready(job, now_ms))
            continue;
        unpark(place);
        return job;
    }
    return NULL;
}
