#include "ingest/bridge.h"

#include "base/clock.h"
#include "base/metric.h"
#include "base/say.h"
#include "ingest/backlog.h"
#include "ingest/evidence.h"
#include "ingest/heads.h"
#include "ingest/reread.h"
#include "ingest/tenure.h"
#include "verify/merkle.h"

#define LOOK_MS 3000 /* a border that can not be crossed yet is looked at again */

void bridge_drop(struct follow *follow)
{
    follow_head_free(follow->settle.bridge);
    follow->settle.bridge = NULL;
}

static enum err_code ranges_of(struct settle *settle, const struct follow *follow,
                               struct store_range ranges[LIMIT_RANGES], size_t *count)
{
    struct err why = {.code = ERR_OK};
    enum err_code code;
    do {
        err_clear(&why);
        *count = 0;
        code = settle->store->ops->ranges(settle->store, follow->log.id, ranges, LIMIT_RANGES, count, &why);
    } while (settle_again(settle, code, &why));
    return code;
}

void bridge_load(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct store_range ranges[LIMIT_RANGES];
    size_t count = 0;
    bridge_drop(follow);
    if (own->range.end == STORE_RANGE_OPEN || ranges_of(settle, follow, ranges, &count) != ERR_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct store_range *upper = &ranges[i];
        if (upper->begin != own->range.end || upper->begin_frontier.size != upper->begin)
            continue;
        struct head head = {.size = upper->begin, .raw = SPAN_NONE};
        merkle_root(&upper->begin_frontier, head.root);
        own->bridge = follow_head_new(&head);
    }
}

struct follow_head *bridge_head(const struct follow *follow, uint64_t above)
{
    const struct follow_head *bridge = follow->settle.bridge;
    return bridge != NULL && bridge->head.size > above ? follow_head_new(&bridge->head) : NULL;
}

bool bridge_is(const struct follow *follow, const struct head *head)
{
    const struct follow_head *bridge = follow->settle.bridge;
    return bridge != NULL && head->raw.len == 0 && head->size == bridge->head.size;
}

void bridge_prove(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct follow_frontier want = {.wanted = true, .claim = true};
    size_t count = 0;
    struct err why;
    enum err_code code;
    must(own->bridge != NULL);
    do {
        err_clear(&why);
        code = settle->store->ops->heads(settle->store, follow->log.id, own->bridge->head.size,
                                         &own->bridge_tree, 1, &count, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK || count == 0 || own->base_asked)
        return;
    own->bridge_tree.raw = SPAN_NONE;
    want.head = own->bridge->head;
    want.size = want.head.size;
    want.tree = own->bridge_tree;
    thread_lock(&follow->lock);
    want.ordinal = follow->frontier.ordinal + 1;
    follow->frontier = want;
    thread_unlock(&follow->lock);
    own->bridge_ordinal = want.ordinal;
    plant_wake(settle->plant);
}

char *bridge_proof(struct settle *settle, struct follow *follow, struct head *tree)
{
    struct follow_settle *own = &follow->settle;
    char *answers = NULL;
    thread_lock(&follow->lock);
    const struct follow_frontier *answer = &follow->frontier;
    if (own->bridge_ordinal != 0 && answer->ordinal == own->bridge_ordinal && answer->answered &&
        answer->known && answer->fits) {
        answers = follow->frontier_answers;
        follow->frontier_answers = NULL;
    }
    thread_unlock(&follow->lock);
    *tree = own->bridge_tree;
    if (answers != NULL)
        evidence_signed(settle, follow, tree);
    return answers;
}

/* The front of this log held the range that was changed under it: it goes on with what the store says now. */
static void front_reload(struct settle *settle, struct follow *front)
{
    struct follow_settle *own = &front->settle;
    struct store_range ranges[LIMIT_RANGES];
    size_t count = 0;
    if (!own->held || ranges_of(settle, front, ranges, &count) != ERR_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].id != own->range.id)
            continue;
        if (ranges[i].epoch == own->range.epoch)
            return; /* another one was changed */
        if (tenure_adopt(settle, front, &ranges[i]))
            return;
        break;
    }
    settle_let_go(settle, front, 0);
    plant_kick(settle->plant, front);
}

static bool joined(struct settle *settle, struct follow *follow, const struct store_range *lower)
{
    struct follow *front = backlog_is(follow) ? follow->front : NULL;
    metric_add(METRIC_RANGES_JOINED_TOTAL, 1);
    plant_told(settle->plant, follow, "joined", lower->begin, lower->end);
    settle_let_go(settle, follow, 0);
    if (front != NULL)
        front_reload(settle, front);
    plant_kick(settle->plant, follow);
    return true;
}

static enum err_code meet(struct settle *settle, const struct store_range *lower, bool blind,
                          enum store_meet *met, struct err *why)
{
    enum err_code code;
    do {
        err_clear(why);
        code = settle->store->ops->range_meet(settle->store, lower, blind, met, why);
    } while (settle_again(settle, code, why));
    return code;
}

/* Something is left to do elsewhere in the backlog of this log. */
static bool others_wait(struct settle *settle, const struct follow *follow)
{
    struct store_range ranges[LIMIT_RANGES];
    size_t count = 0;
    if (ranges_of(settle, follow, ranges, &count) != ERR_OK)
        return false;
    for (size_t i = 0; i + 1 < count; i++)
        if (ranges[i].id != follow->settle.range.id)
            return true;
    return false;
}

/* The border can not be crossed now: others have their turn, if this one has nothing under way. */
static void stay(struct settle *settle, struct follow *follow, enum store_meet met)
{
    struct follow_settle *own = &follow->settle;
    bool hopeless = atomic_load(&follow->front->done) || !own->frontier_known;
    bool told = met == STORE_MEET_DIFFERS && own->accused;
    own->bridge_due_ms = clock_mono_ms() + LOOK_MS;
    if (settle->plant->options.once && !reread_busy(follow) &&
        (met == STORE_MEET_APART || met == STORE_MEET_DIFFERS || (met == STORE_MEET_WAITS && hopeless))) {
        own->stuck = true;
        if (met != STORE_MEET_APART || own->range.verified < own->range.end)
            atomic_store(&follow->unverified, true);
        settle_let_go(settle, follow, 0);
        return;
    }
    if ((!reread_busy(follow) || told) && others_wait(settle, follow))
        settle_let_go(settle, follow, LOOK_MS);
}

/* What is proven for the border became known meanwhile. */
static void look(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    if (own->bridge != NULL || own->range.verified >= own->range.end)
        return;
    bridge_load(settle, follow);
    if (own->bridge != NULL)
        heads_load(settle, follow);
}

void bridge_serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct err why = {.code = ERR_OK};
    enum store_meet met = STORE_MEET_APART;
    if (!own->held || own->range.next < own->range.end || own->again != FOLLOW_NOT_AGAIN ||
        clock_mono_ms() < own->bridge_due_ms)
        return;
    bool blind = !own->frontier_known && own->base_refused;
    if (!blind && !own->frontier_known && !own->base_known) {
        own->bridge_due_ms =
            clock_mono_ms() + LOOK_MS / 10; /* the log is still being asked for its frontier */
        return;
    }
    enum err_code code = meet(settle, &own->range, blind, &met, &why);
    if (code != ERR_OK) {
        settle_failed(settle, follow, &why);
        return;
    }
    if (met == STORE_MEET_JOINED) {
        joined(settle, follow, &own->range);
        return;
    }
    if (met == STORE_MEET_LENT)
        front_reload(settle, follow->front);
    look(settle, follow);
    stay(settle, follow, met);
}

bool bridge_doubt(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct store_range ranges[LIMIT_RANGES];
    struct err why = {.code = ERR_OK};
    enum store_meet met = STORE_MEET_APART;
    size_t count = 0;
    if (own->range.begin == 0 || own->range.verified != own->range.begin ||
        own->range.begin_frontier.size == own->range.begin ||
        ranges_of(settle, follow, ranges, &count) != ERR_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (ranges[i].end == own->range.begin && meet(settle, &ranges[i], true, &met, &why) == ERR_OK &&
            met == STORE_MEET_JOINED) {
            say_warn(follow->log.name,
                     "what was read below %" PRIu64
                     " does not lead to the signed roots above it; reading all "
                     "of it again",
                     own->range.begin);
            return joined(settle, follow, &ranges[i]);
        }
    return false;
}
