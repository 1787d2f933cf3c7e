#include "ingest/tenure.h"

#include "base/clock.h"
#include "base/say.h"
#include "ingest/claims.h"
#include "ingest/heads.h"
#include "ingest/reread.h"

#define RANGES_MAX 16
#define BASE_MS    60000 /* a frontier that was refused is asked for again */

void tenure_read(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    own->narrow_end = own->range.end;
    if (own->narrow != 0 && own->narrow < own->range.end - own->range.next)
        own->narrow_end = own->range.next + own->narrow;
    thread_lock(&follow->lock);
    lane_start(&follow->read, own->range.next, own->narrow_end);
    follow->read.stage = settle->plant->options.stage.run != NULL;
    thread_unlock(&follow->lock);
    own->reading = true;
    plant_wake(settle->plant);
}

void tenure_pause(struct settle *settle, struct follow *follow)
{
    thread_lock(&follow->lock);
    lane_stop(&follow->read);
    thread_unlock(&follow->lock);
    plant_lane_drop(settle->plant, follow, &follow->read);
    follow->settle.reading = false;
}

static void base_ask(struct settle *settle, struct follow *follow)
{
    thread_lock(&follow->lock);
    follow->frontier = (struct follow_frontier){
        .ordinal = follow->frontier.ordinal + 1, .wanted = true, .size = follow->settle.range.verified};
    thread_unlock(&follow->lock);
    follow->settle.base_asked = true;
    plant_wake(settle->plant);
}

static bool same(const struct compact *a, const struct compact *b)
{
    return a->size == b->size && memcmp(a->hash, b->hash, 32 * compact_count(a)) == 0;
}

/* The frontier at the verified position is known, or comes from the log: believed only as far as a signed
 * head above it is equalled later. */
void tenure_base(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    if (own->base_known)
        return;
    int64_t now_ms = clock_mono_ms();
    if (!own->base_asked) {
        if (now_ms >= own->base_due_ms)
            base_ask(settle, follow);
        return;
    }
    thread_lock(&follow->lock);
    struct follow_frontier answer = follow->frontier;
    thread_unlock(&follow->lock);
    if (!answer.answered)
        return;
    own->base_asked = false;
    own->base_due_ms = now_ms + BASE_MS;
    if (!answer.known) {
        say_warn(follow->log.name, "the frontier at %" PRIu64 " can not be had; reading goes on unverified",
                 answer.size);
        own->base_refused = true;
        reread_abort(settle, follow); /* nobody is accused with a frontier that is in doubt */
        return;
    }
    own->base_known = true;
    if (own->base_again && !same(&answer.compact, &own->range.verified_frontier))
        own->frontier_known = false;
    own->range.verified_frontier = answer.compact;
    if (own->range.next != own->range.verified) {
        own->again_wanted = true; /* what was read without a frontier is read again with it */
        return;
    }
    struct err why = {.code = ERR_OK};
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->range_frontier(settle->store, &own->range, &answer.compact, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK) {
        settle_failed(settle, follow, &why);
        return;
    }
    own->range.frontier = answer.compact;
    own->frontier_known = true;
}

static void range_begin(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    own->held = true;
    own->reading = false;
    own->frontier_known = own->range.frontier.size == own->range.next;
    own->base_known = own->range.verified_frontier.size == own->range.verified;
    if (!own->base_known && own->frontier_known && own->range.verified == own->range.next) {
        own->range.verified_frontier = own->range.frontier;
        own->base_known = true;
    }
    own->base_asked = false;
    own->base_refused = false;
    own->base_again = false;
    own->base_due_ms = 0;
    heads_load(settle, follow);
    claims_due(follow);
    reread_resume(settle, follow);
    plant_told(settle->plant, follow, "taken", own->range.next, own->range.end);
}

/* Whoever had the range before may have moved it between our look and our taking it. */
static enum err_code refresh(struct store *store, struct store_range *range, struct err *why)
{
    struct store_range ranges[RANGES_MAX];
    size_t count = 0;
    enum err_code code = store->ops->ranges(store, range->log_id, ranges, RANGES_MAX, &count, why);
    for (size_t i = 0; code == ERR_OK && i < count && i < RANGES_MAX; i++)
        if (ranges[i].id == range->id && ranges[i].epoch == range->epoch)
            *range = ranges[i];
    return code;
}

/* Tries every unfinished range until one is ours. False: the store failed. */
static enum err_code range_take(struct settle *settle, struct follow *follow, bool *unfinished,
                                struct err *why)
{
    struct store_range ranges[RANGES_MAX];
    struct store *store = settle->store;
    size_t count = 0;
    enum err_code code = store->ops->ranges(store, follow->log.id, ranges, RANGES_MAX, &count, why);
    *unfinished = count == 0;
    for (size_t i = 0; code == ERR_OK && i < count && i < RANGES_MAX && !follow->settle.held; i++) {
        bool taken = false;
        if (ranges[i].next >= ranges[i].end)
            continue;
        *unfinished = true;
        code = store->ops->range_take(store, &ranges[i], &taken, why);
        if (code != ERR_OK || !taken)
            continue;
        follow->settle.range = ranges[i];
        follow->settle.held = true;
        code = refresh(store, &follow->settle.range, why);
    }
    return code;
}

void tenure_take(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    int64_t now_ms = clock_mono_ms();
    if (own->held || now_ms < own->take_due_ms || plant_stopping(settle->plant))
        return;
    own->take_due_ms = now_ms + TENURE_RETRY_MS;
    bool unfinished = false;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = range_take(settle, follow, &unfinished, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK) {
        own->held = false;
        settle_refused(settle, follow, &why);
        return;
    }
    if (own->held)
        range_begin(settle, follow);
    else if (!unfinished && settle->plant->options.once)
        atomic_store(&follow->done, true);
}
