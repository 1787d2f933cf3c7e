#include "ingest/tenure.h"

#include "base/clock.h"
#include "base/say.h"
#include "ingest/backlog.h"
#include "ingest/bridge.h"
#include "ingest/claims.h"
#include "ingest/divide.h"
#include "ingest/heads.h"
#include "ingest/reread.h"

#define BASE_MS  60000 /* a frontier that was refused is asked for again */
#define RETRY_MS 3000
#define IDLE_MS  10000 /* a log without a backlog: how often to look for one */

int64_t tenure_retry_ms(const struct settle *settle)
{
    int64_t retry_ms = settle->plant->options.retry_ms;
    return retry_ms != 0 ? retry_ms : RETRY_MS;
}

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
    /* What was read without a frontier is read again with it. */
    own->again_wanted = own->range.next != own->range.verified;
    if (answer.compact.size != own->range.begin && answer.compact.size != own->range.next)
        return;
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
    if (own->range.next == answer.compact.size)
        own->frontier_known = true;
}

/* What is known of a range as the store has it. */
static void range_read(struct follow_settle *own)
{
    struct store_range *range = &own->range;
    own->frontier_known = range->frontier.size == range->next;
    own->base_known = range->verified_frontier.size == range->verified;
    if (own->base_known)
        return;
    const struct compact *base = NULL;
    if (own->frontier_known && range->verified == range->next)
        base = &range->frontier;
    else if (range->verified == range->begin && range->begin_frontier.size == range->begin)
        base = &range->begin_frontier;
    own->base_known = base != NULL;
    if (base != NULL)
        range->verified_frontier = *base;
}

bool tenure_adopt(struct settle *settle, struct follow *follow, const struct store_range *range)
{
    struct follow_settle *own = &follow->settle;
    must(own->held && own->range.id == range->id);
    bool known = own->frontier_known == (range->frontier.size == range->next) && own->base_known;
    if (range->epoch != own->range.epoch + 1 || range->next != own->range.next || !known ||
        own->again != FOLLOW_NOT_AGAIN || own->suspect.active || own->again_wanted)
        return false;
    claims_drop(settle, follow); /* what is under way is about the verified size of before */
    own->range = *range;
    range_read(own);
    own->taken_begin = range->begin;
    claims_due(follow);
    return own->base_known;
}

static void range_begin(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    own->held = true;
    own->reading = false;
    range_read(own);
    if (own->taken_id != own->range.id)
        own->accused = false;
    own->taken_id = own->range.id;
    own->taken_begin = own->range.begin;
    own->bridge_due_ms = 0;
    own->base_asked = false;
    own->base_refused = false;
    own->base_again = false;
    own->base_due_ms = 0;
    bridge_load(settle, follow);
    heads_load(settle, follow);
    claims_due(follow);
    reread_resume(settle, follow);
    plant_told(settle->plant, follow, "taken", own->range.next, own->range.end);
}

/* Whoever had the range before may have moved it between our look and our taking it. */
static enum err_code refresh(struct store *store, struct store_range *range, struct err *why)
{
    struct store_range ranges[LIMIT_RANGES];
    size_t count = 0;
    enum err_code code = store->ops->ranges(store, range->log_id, ranges, LIMIT_RANGES, &count, why);
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        if (ranges[i].id == range->id && ranges[i].epoch == range->epoch)
            *range = ranges[i];
    return code;
}

bool tenure_look(struct settle *settle, struct follow *follow)
{
    const struct store_range *own = &follow->settle.range;
    struct store_range ranges[LIMIT_RANGES];
    size_t count = 0;
    if (settle->store->ops->ranges(settle->store, follow->log.id, ranges, LIMIT_RANGES, &count, NULL) !=
        ERR_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (ranges[i].id == own->id && ranges[i].epoch == own->epoch)
            return true;
    settle_let_go(settle, follow, 0);
    plant_kick(settle->plant, follow);
    return true;
}

struct tenure_ranges {
    struct store_range list[LIMIT_RANGES];
    size_t count;
    bool unread; /* one below the last is not read to its end */
};

/* Which range is tried next: at the head the last one; of the backlog below it what is unread, from below,
 * and then in turn what is read and could not be joined yet. */
static bool is_next(const struct follow *follow, const struct tenure_ranges *ranges, size_t at,
                    unsigned round)
{
    const struct store_range *range = &ranges->list[at];
    bool unread = range->next < range->end;
    if (backlog_is(follow) != (at + 1 < ranges->count))
        return false;
    if (!backlog_is(follow) || round == 0)
        return unread && round == 0;
    return !unread && !follow->settle.stuck && (range->begin > follow->settle.taken_begin) == (round == 1);
}

#define ROUNDS 3

/* Tries range after range until one is ours. False in *taken: others have them all. */
static enum err_code range_try(struct settle *settle, struct follow *follow, struct store_range *range,
                               struct err *why)
{
    struct store *store = settle->store;
    bool taken = false;
    enum err_code code = store->ops->range_take(store, range, &taken, why);
    if (code == ERR_NOT_FOUND) { /* joined with another one meanwhile */
        err_clear(why);
        return ERR_OK;
    }
    if (code != ERR_OK || !taken)
        return code;
    follow->settle.range = *range;
    code = refresh(store, &follow->settle.range, why);
    follow->settle.held = code == ERR_OK;
    if (code != ERR_OK)
        store->ops->range_drop(store, range);
    return code;
}

static enum err_code range_take(struct settle *settle, struct follow *follow, struct tenure_ranges *ranges,
                                struct err *why)
{
    struct store *store = settle->store;
    enum err_code code =
        store->ops->ranges(store, follow->log.id, ranges->list, LIMIT_RANGES, &ranges->count, why);
    ranges->unread = false;
    for (size_t i = 0; code == ERR_OK && i + 1 < ranges->count; i++)
        ranges->unread = ranges->unread || ranges->list[i].next < ranges->list[i].end;
    for (unsigned round = 0; code == ERR_OK && round < ROUNDS; round++)
        for (size_t i = 0; code == ERR_OK && i < ranges->count && !follow->settle.held; i++)
            if (is_next(follow, ranges, i, round))
                code = range_try(settle, follow, &ranges->list[i], why);
    return code;
}

/* None is ours. With `once` that may be the end: of a backlog that is read, of a log that is. */
static void none_taken(struct settle *settle, struct follow *follow, const struct tenure_ranges *ranges)
{
    struct follow_settle *own = &follow->settle;
    bool once = settle->plant->options.once;
    const struct store_range *last = ranges->count == 0 ? NULL : &ranges->list[ranges->count - 1];
    bool finished = false;
    if (!backlog_is(follow)) {
        finished = last != NULL && last->next >= last->end && backlog_done(follow);
    } else if (ranges->count <= 1) {
        finished = true;
        own->take_due_ms = clock_mono_ms() + IDLE_MS;
    } else {
        finished = own->stuck && !ranges->unread;
        if (ranges->unread && divide_backlog(settle, follow, ranges->list, ranges->count - 1))
            own->take_due_ms = 0;
    }
    if (!once || !finished)
        return;
    atomic_store(&follow->done, true);
    plant_wake(settle->plant);
}

void tenure_take(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    int64_t now_ms = clock_mono_ms();
    if (own->held || now_ms < own->take_due_ms || plant_stopping(settle->plant) || atomic_load(&follow->done))
        return;
    own->take_due_ms = now_ms + tenure_retry_ms(settle);
    struct tenure_ranges ranges;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = range_take(settle, follow, &ranges, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK) {
        own->held = false;
        if (code != ERR_DB_CONFLICT) /* somebody is at it; he will not be for ever */
            settle_refused(settle, follow, &why);
        return;
    }
    if (ranges.count > 1)
        backlog_make(settle->plant, follow);
    if (own->held)
        range_begin(settle, follow);
    else
        none_taken(settle, follow, &ranges);
}
