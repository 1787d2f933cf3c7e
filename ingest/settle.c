#include "ingest/settle.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/say.h"
#include "ingest/backlog.h"
#include "ingest/bridge.h"
#include "ingest/certkeep.h"
#include "ingest/claims.h"
#include "ingest/divide.h"
#include "ingest/examine.h"
#include "ingest/forged.h"
#include "ingest/heads.h"
#include "ingest/lognote.h"
#include "ingest/reread.h"
#include "ingest/tenure.h"
#include "ingest/tilewatch.h"
#include "ingest/work.h"
#include "verify/merkle.h"

#define TICK_MS       100
#define REFUSED_LONG  4     /* the database refused what we wrote: the wait is doubled this often */
#define REFUSED_MAX   3     /* once: a log whose entries it refuses this often in a row is given up */
#define ROWS_TURNS    8     /* transactions at a time, then other logs have their turn */
#define STOP_GRACE_MS 10000 /* after a stop, how long to wait for a database that is away */
#define ALIVE_MS      7000
#define ALIVE_LOGS    16   /* looked at each time */
#define CHAINS_MS     5000 /* once: how long the rest of the chains may take */
#define HASH_TOGETHER 256

enum err_code settle_init(struct settle *settle, struct plant *plant, unsigned index, struct err *why)
{
    *settle = (struct settle){.plant = plant, .index = index};
    rate_backoff_init(&settle->backoff, 200, 10000, index + 1);
    if (!arena_init(&settle->arena, 4 * LIMIT_ISSUER_BYTES))
        return err_set(why, ERR_MEMORY, "settler: out of memory");
    return plant->options.store_open(plant->options.store_arg, &settle->store, why);
}

void settle_fini(struct settle *settle)
{
    if (settle->store != NULL)
        settle->store->ops->free(settle->store);
    if (settle->arena.base != NULL)
        arena_fini(&settle->arena);
}

bool settle_again(struct settle *settle, enum err_code code, const struct err *why)
{
    struct plant *plant = settle->plant;
    if (code != ERR_DB_DOWN) {
        rate_backoff_reset(&settle->backoff);
        return false;
    }
    if (plant_stopping(plant) && clock_mono_ms() - atomic_load(&plant->stop_ms) > STOP_GRACE_MS)
        return false;
    int64_t wait_ms = rate_backoff_next(&settle->backoff);
    say_warn("ingest", "waiting for the database: %s", why == NULL ? "" : why->text);
    clock_sleep_ms(plant_stopping(plant) && wait_ms > 500 ? 500 : wait_ms);
    return true;
}

void settle_let_go(struct settle *settle, struct follow *follow, int64_t wait_ms)
{
    struct follow_settle *own = &follow->settle;
    claims_drop(settle, follow);
    reread_abort(settle, follow);
    thread_lock(&follow->lock);
    lane_stop(&follow->read);
    follow->frontier = (struct follow_frontier){.ordinal = follow->frontier.ordinal +
                                                           1}; /* what comes still is not for us */
    thread_unlock(&follow->lock);
    plant_lane_drop(settle->plant, follow, &follow->read);
    follow_heads_free(&own->heads);
    own->head_count = 0;
    bridge_drop(follow);
    if (own->held)
        settle->store->ops->range_drop(settle->store, &own->range);
    own->held = false;
    own->reading = false;
    own->base_asked = false;
    own->take_due_ms = clock_mono_ms() + wait_ms;
}

/* What went wrong with the store, once waiting is no use: the range is let go and read again later. */
void settle_failed(struct settle *settle, struct follow *follow, const struct err *why)
{
    if (why->code == ERR_DB_CONFLICT) {
        metric_add(METRIC_COMMIT_CONFLICTS_TOTAL, 1);
        plant_told(settle->plant, follow, "conflict", follow->settle.range.next, follow->settle.range.next);
        settle_let_go(settle, follow, tenure_retry_ms(settle));
        return;
    }
    unsigned before = follow->settle.refused;
    settle_refused(settle, follow, why);
    settle_let_go(settle, follow,
                  tenure_retry_ms(settle) / 3 << (before < REFUSED_LONG ? before : REFUSED_LONG));
}

void settle_refused(struct settle *settle, struct follow *follow, const struct err *why)
{
    struct follow_settle *own = &follow->settle;
    say_error(follow->log.name, "%s", why->text);
    snprintf(own->refusal, sizeof(own->refusal), "%s", why->text);
    if (++own->refused < REFUSED_MAX || !settle->plant->options.once)
        return;
    atomic_store(&follow->unread, true);
    atomic_store(&follow->done, true);
    plant_wake(settle->plant);
}

/* Rows
 * ---------------------------------------------------------------------------------------------------------
 */

struct advance {
    struct job *jobs[LIMIT_COMMIT_BATCHES];
    struct batch *batches[LIMIT_COMMIT_BATCHES];
    size_t count;
    uint64_t entries;
    struct compact frontier;
    bool has_verified;
    struct compact verified;
    struct follow_head *verified_head;
    struct follow_head *passed[FOLLOW_HEADS_MAX]; /* equalled before that one */
    size_t passed_count;
    struct follow_head *unequal; /* the first one */
    uint8_t computed[32];
};

static void collect(struct follow *follow, struct advance *advance)
{
    thread_lock(&follow->lock);
    while (advance->count < LIMIT_COMMIT_BATCHES && advance->entries < LIMIT_COMMIT_ENTRIES) {
        struct job *job = seq_take(&follow->read.seq, NULL, NULL);
        if (job == NULL)
            break;
        advance->jobs[advance->count] = job;
        advance->batches[advance->count++] = &job->batch;
        advance->entries += job->batch.entry_count;
    }
    thread_unlock(&follow->lock);
}

static void jobs_free(struct settle *settle, struct advance *advance)
{
    for (size_t i = 0; i < advance->count; i++)
        plant_job_free(settle->plant, advance->jobs[i]);
    advance->count = 0;
}

/* The frontier is at the size of a head of the list, or beyond it. */
static void compare(struct advance *advance, struct follow_head **list)
{
    uint8_t root[32];
    struct follow_head *unequal = NULL;
    struct follow_head *equal = heads_compare(&advance->frontier, list, &unequal, root);
    if (equal != NULL) {
        if (advance->has_verified && advance->passed_count < FOLLOW_HEADS_MAX)
            advance->passed[advance->passed_count++] = advance->verified_head;
        advance->has_verified = true;
        advance->verified = advance->frontier;
        advance->verified_head = equal;
    } else if (unequal != NULL && advance->unequal == NULL) {
        advance->unequal = unequal;
        memcpy(advance->computed, root, 32);
    }
}

/* Leaves are appended by the hundred, and data tiles at once, but never past the size of a head. */
static void hash(struct follow_settle *own, struct advance *advance)
{
    struct follow_head *list = own->heads;
    uint8_t node[HASH_TOGETHER][32];
    size_t held = 0;
    advance->frontier = own->range.frontier;
    for (size_t i = 0; i < advance->count; i++) {
        const struct batch *batch = advance->batches[i];
        const struct job *job = advance->jobs[i];
        uint64_t size = advance->frontier.size + held;
        if (job->has_tile_root && (list == NULL || list->head.size >= size + batch->entry_count)) {
            merkle_append_many(&advance->frontier, node, held);
            held = 0;
            merkle_append_tree(&advance->frontier, job->tile_root, TILE_HEIGHT);
            if (list != NULL && list->head.size <= advance->frontier.size)
                compare(advance, &list);
            continue;
        }
        for (size_t k = 0; k < batch->entry_count; k++) {
            memcpy(node[held++], batch->entries[k].leaf_hash, sizeof(node[0]));
            bool at_head = list != NULL && list->head.size <= advance->frontier.size + held;
            if (!at_head && held < HASH_TOGETHER)
                continue;
            merkle_append_many(&advance->frontier, node, held);
            held = 0;
            if (at_head)
                compare(advance, &list);
        }
    }
    merkle_append_many(&advance->frontier, node, held);
}

static enum err_code rematch(void *arg, struct batch **batches, size_t count, uint64_t generation,
                             struct err *why)
{
    struct settle *settle = arg;
    metric_add(METRIC_REMATCHES_TOTAL, count);
    for (size_t i = 0; i < count; i++) {
        enum err_code code = work_match(&settle->plant->options.stage, batches[i], generation, why);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

static enum err_code commit(struct settle *settle, struct follow *follow, struct advance *advance,
                            struct err *why)
{
    struct follow_settle *own = &follow->settle;
    static const struct compact unknown;
    struct store_settle row = {.range = &own->range,
                               .batches = advance->batches,
                               .count = advance->count,
                               .next = advance->batches[advance->count - 1]->end,
                               .frontier = own->frontier_known ? &advance->frontier : &unknown,
                               .has_verified = advance->has_verified,
                               .verified = advance->has_verified ? &advance->verified : NULL,
                               .rematch = rematch,
                               .rematch_arg = settle};
    if (advance->has_verified)
        row.verified_head = advance->verified_head->head;
    enum err_code code;
    do {
        err_clear(why);
        code = settle->store->ops->commit(settle->store, &row, why);
    } while (settle_again(settle, code, why));
    if (code != ERR_OK)
        return code;
    atomic_store(&follow->yield, turn_yield(atomic_load(&follow->yield), row.fresh, advance->entries));
    own->range.next = row.next;
    own->range.frontier = *row.frontier;
    if (advance->has_verified) {
        own->range.verified = advance->verified.size;
        own->range.verified_frontier = advance->verified;
        own->base_known = true;
        own->accused = false;
        rate_backoff_reset(&own->again_backoff);
    }
    return ERR_OK;
}

static void count_up(struct settle *settle, const struct advance *advance)
{
    uint64_t malformed = 0;
    for (size_t i = 0; i < advance->count; i++)
        for (size_t k = 0; k < advance->batches[i]->entry_count; k++) {
            const struct entry *entry = &advance->batches[i]->entries[k];
            malformed += entry->kind == ENTRY_OPAQUE ||
                         finding_has(&entry->issuance.findings, FINDING_CERTIFICATE_UNREADABLE);
        }
    metric_add(METRIC_COMMITS_TOTAL, 1);
    metric_add(METRIC_ENTRIES_TOTAL, advance->entries);
    metric_add(METRIC_ENTRIES_MALFORMED_TOTAL, malformed);
    atomic_fetch_add(&settle->plant->entries, advance->entries);
}

static struct span head_of(struct span bytes)
{
    return span_part(bytes, 0, bytes.len < LIMIT_RAW_BYTES ? bytes.len : LIMIT_RAW_BYTES);
}

/* The database refuses this very entry, which is no reason to lose it or what follows: it is kept raw, and as
 * far as there is room. */
static enum err_code bury(struct settle *settle, struct follow *follow, struct advance *advance,
                          struct err *why)
{
    struct batch *batch = advance->batches[0];
    struct entry *entry = &batch->entries[0];
    say_error(follow->log.name, "entry %" PRIu64 " is kept raw, and counts as malformed: %s", entry->index,
              why->text);
    entry->kind = ENTRY_OPAQUE;
    finding_add(&entry->findings, FINDING_STORE_REFUSED);
    examine_entry(entry, &batch->arena);
    batch->stage_mark = arena_mark(&batch->arena);
    err_clear(why);
    enum err_code code = work_match(&settle->plant->options.stage, batch, 0, why);
    entry->leaf = head_of(entry->leaf);
    entry->extra = head_of(entry->extra);
    return code == ERR_OK ? commit(settle, follow, advance, why) : code;
}

/* A commit was refused because of what is in it. Half as much is read and tried until the entry is found.
 * True: it is stored after all. */
static bool narrow(struct settle *settle, struct follow *follow, struct advance *advance, struct err *why)
{
    struct follow_settle *own = &follow->settle;
    uint64_t begin = own->range.next;
    bool certain = own->narrow == 1 && own->refused != 0; /* twice, from fresh bytes */
    err_prefix(why, "entries %" PRIu64 " to %" PRIu64 " can not be stored", begin,
               begin + advance->entries - 1);
    if (advance->entries > 1) {
        own->narrow = advance->entries / 2;
        snprintf(own->refusal, sizeof(own->refusal), "%s", why->text);
        say_warn(follow->log.name, "%s; trying half of them", why->text);
        tenure_pause(settle, follow);
        return false;
    }
    own->narrow = 1;
    /* Too big for the big arena's matching it never is, so it is for a row. */
    bool hopeless = why->code == ERR_DB_DATA || (why->code == ERR_TOO_BIG && advance->batches[0]->big);
    if (certain && hopeless && bury(settle, follow, advance, why) == ERR_OK)
        return true;
    settle_failed(settle, follow, why);
    return false;
}

/* After a commit: back to full speed, step by step. */
static void widen(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    own->refused = 0;
    own->refusal[0] = '\0';
    if (own->narrow == 0 || own->range.next < own->narrow_end)
        return;
    own->narrow = own->narrow >= LIMIT_COMMIT_ENTRIES / 2 ? 0 : 2 * own->narrow;
    tenure_pause(settle, follow);
}

static bool rows_commit(struct settle *settle, struct follow *follow, struct advance *advance)
{
    struct err why = {.code = ERR_OK};
    enum err_code code = commit(settle, follow, advance, &why);
    if (code == ERR_OK)
        return true;
    if (code == ERR_DB_DATA || code == ERR_TOO_BIG)
        return narrow(settle, follow, advance, &why);
    if (code != ERR_DB_CONFLICT)
        err_prefix(&why, "entries %" PRIu64 " to %" PRIu64 " can not be stored", follow->settle.range.next,
                   follow->settle.range.next + advance->entries - 1);
    settle_failed(settle, follow, &why);
    return false;
}

/* The store is told of the last head that fits with the rows, of those before it here. One that is lost by a
 * kill in between is proven again by claims.c. */
static void passed_judge(struct settle *settle, struct follow *follow, const struct advance *advance)
{
    for (size_t i = 0; i < advance->passed_count; i++)
        (void)!settle->store->ops->claim_judged(settle->store, follow->log.id, &advance->passed[i]->head,
                                                true, NULL);
}

/* One transaction's worth; false: nothing was ready. */
static bool rows_serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct advance advance = {.count = 0};
    collect(follow, &advance);
    if (advance.count == 0)
        return false;
    uint64_t begin = own->range.next;
    uint64_t verified = own->range.verified;
    struct compact before = own->range.frontier;
    must(advance.batches[0]->begin == begin);
    if (own->frontier_known)
        hash(own, &advance);
    certkeep_serve(settle, follow); /* before the rows: nobody would bring or name them again after a kill */
    if (!rows_commit(settle, follow, &advance)) {
        jobs_free(settle, &advance);
        return false;
    }
    count_up(settle, &advance);
    tilewatch_tell(settle, follow, advance.jobs, advance.count);
    if (advance.unequal != NULL && own->range.verified > advance.unequal->head.size)
        claims_wrong(follow, refute_new(&advance.unequal->head, &advance.verified_head->head, &before,
                                        advance.jobs, advance.count));
    jobs_free(settle, &advance);
    widen(settle, follow);
    plant_told(settle->plant, follow, "commit", begin, own->range.next);
    if (advance.has_verified)
        plant_told(settle->plant, follow, "verified", begin, own->range.verified);
    passed_judge(settle, follow, &advance);
    if (advance.unequal != NULL)
        reread_suspect(settle, follow, heads_take(own, advance.unequal), verified, advance.computed);
    heads_drop(own, own->range.next - (own->range.next > own->range.verified ? 1 : 0));
    if (own->heads == NULL && own->heads_more)
        heads_load(settle, follow);
    return true;
}

enum err_code settle_verified(struct settle *settle, struct follow *follow, const struct compact *verified,
                              const struct compact *frontier, const struct head *head, struct err *why)
{
    struct follow_settle *own = &follow->settle;
    struct store_settle row = {.range = &own->range,
                               .next = own->range.next,
                               .frontier = frontier,
                               .has_verified = true,
                               .verified = verified,
                               .verified_head = *head,
                               .rematch = rematch,
                               .rematch_arg = settle};
    enum err_code code;
    do {
        err_clear(why);
        code = settle->store->ops->verified(settle->store, &row, why);
    } while (settle_again(settle, code, why));
    if (code != ERR_OK)
        return code;
    must(frontier->size == own->range.next);
    own->range.frontier = *frontier;
    own->frontier_known = true;
    own->range.verified = verified->size;
    own->range.verified_frontier = *verified;
    own->base_known = true;
    own->accused = false;
    /* Heads that were passed on the way. */
    claims_due(backlog_is(follow) ? follow->front : follow);
    plant_told(settle->plant, follow, "verified", own->range.begin, own->range.verified);
    return ERR_OK;
}

/* A head that came when its entries were stored already. */
static void reached_serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    if (!own->frontier_known || own->heads == NULL || own->heads->head.size != own->range.next ||
        own->range.verified >= own->range.next)
        return;
    struct follow_head *list = own->heads;
    struct follow_head *unequal = NULL;
    uint8_t root[32];
    struct follow_head *equal = heads_compare(&own->range.frontier, &list, &unequal, root);
    struct err why = {.code = ERR_OK};
    struct compact frontier = own->range.frontier;
    if (equal != NULL &&
        settle_verified(settle, follow, &frontier, &frontier, &equal->head, &why) != ERR_OK) {
        settle_failed(settle, follow, &why);
        return;
    }
    if (equal == NULL && unequal != NULL)
        reread_suspect(settle, follow, heads_take(own, unequal), own->range.verified, root);
    if (equal != NULL)
        heads_drop(own, own->range.next);
}

/* The loop --------------------------------------------------------------------------------------- */

static void once_check(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    if (!settle->plant->options.once || !own->held || own->target == UINT64_MAX || reread_busy(follow) ||
        claims_busy(follow) || !backlog_done(follow))
        return;
    uint64_t goal = own->target < own->range.end ? own->target : own->range.end;
    bool waits = !own->base_known && !own->base_refused;
    if (own->range.next < goal || (waits && own->range.verified < goal))
        return;
    /* What is looked for without anybody waiting for it has a while. */
    int64_t now_ms = clock_mono_ms();
    own->goal_ms = own->goal_ms == 0 ? now_ms : own->goal_ms;
    if (issuers_busy(settle->plant->issuers, follow->log.id) && now_ms - own->goal_ms < CHAINS_MS)
        return;
    if (own->range.verified < goal || own->accused)
        atomic_store(&follow->unverified, true);
    atomic_store(&follow->done, true);
    plant_wake(settle->plant);
}

static void removed_serve(struct settle *settle, struct follow *follow)
{
    if (follow->settle.held)
        settle_let_go(settle, follow, 0);
    atomic_store(&follow->done, true);
}

static bool may_read(const struct follow *follow)
{
    const struct follow_settle *own = &follow->settle;
    /* A frontier is worth a short wait, entries read without one have to be read twice to be verified. */
    return own->held && (own->frontier_known || own->range.next != own->range.verified || own->base_refused);
}

static void serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    if (atomic_load(&follow->removed)) {
        removed_serve(settle, follow);
        return;
    }
    bool back = backlog_is(follow);
    unsigned turns = back ? 1 : ROWS_TURNS;
    tenure_take(settle, follow);
    heads_serve(settle, follow);
    forged_serve(settle, follow);
    certkeep_serve(settle, follow);
    if (!back) {
        lognote_serve(settle, follow);
        divide_head(settle, follow);
    }
    if (own->held)
        tenure_base(settle, follow);
    if (own->held && !own->reading && !reread_holds(follow) && may_read(follow) &&
        own->range.next < own->range.end)
        tenure_read(settle, follow);
    unsigned turn = 0;
    while (own->held && turn < turns && !reread_holds(follow) && rows_serve(settle, follow))
        turn++;
    if (own->held && !reread_holds(follow))
        reached_serve(settle, follow);
    if (own->held)
        reread_serve(settle, follow);
    if (back) {
        bridge_serve(settle, follow);
    } else {
        claims_serve(settle, follow);
        once_check(settle, follow);
    }
    if (turn == turns)
        plant_kick(settle->plant, follow);
}

static void serve_all(struct settle *settle)
{
    struct plant *plant = settle->plant;
    size_t count = atomic_load(&plant->follow_count);
    for (size_t i = 0; i < count; i++)
        if (plant->follows[i]->settler == settle->index)
            serve(settle, plant->follows[i]);
}

/* A connection that is silent for LIMIT_DB_IDLE_S is ended by the server, and its locks are gone with it; a
 * quiet log is no reason to lose it. What is asked is whether the ranges are still what they were. */
static void keep_alive(struct settle *settle)
{
    struct plant *plant = settle->plant;
    size_t count = atomic_load(&plant->follow_count);
    struct store_range range;
    size_t ranges = 0;
    unsigned looked = 0;
    int64_t now_ms = clock_mono_ms();
    if (now_ms - settle->alive_ms < ALIVE_MS || count == 0)
        return;
    settle->alive_ms = now_ms;
    for (size_t i = 0; i < count && looked < ALIVE_LOGS; i++) {
        struct follow *follow = plant->follows[settle->look_at++ % count];
        if (follow->settler != settle->index || backlog_is(follow) || !follow->settle.held)
            continue;
        looked++;
        if (!tenure_look(settle, follow))
            return;
    }
    if (looked == 0)
        (void)settle->store->ops->ranges(settle->store, plant->follows[0]->log.id, &range, 1, &ranges, NULL);
}

/* After the last reply: what lies ready is stored, what waits for something that will not come is dropped. */
static void finish(struct settle *settle)
{
    struct plant *plant = settle->plant;
    size_t count = atomic_load(&plant->follow_count);
    for (size_t i = 0; i < count; i++) {
        struct follow *follow = plant->follows[i];
        if (follow->settler != settle->index)
            continue;
        serve(settle, follow);
        /* The last word is what people will read, however short ago the one before it was. */
        follow->settle.noted_ms = 0;
        if (!backlog_is(follow))
            lognote_serve(settle, follow);
        settle_let_go(settle, follow, 0);
    }
}

void settle_run(void *arg)
{
    struct settle *settle = arg;
    struct queue *kicks = &settle->plant->kicks[settle->index];
    int64_t tick_ms = 0;
    for (;;) {
        void *item;
        enum queue_got got = queue_get(kicks, &item, TICK_MS);
        if (got == QUEUE_CLOSED)
            break;
        if (got == QUEUE_ITEM) {
            struct follow *follow = item;
            atomic_store(&follow->kicked, false);
            serve(settle, follow);
        }
        if (clock_mono_ms() - tick_ms >= TICK_MS) {
            serve_all(settle);
            keep_alive(settle);
            tick_ms = clock_mono_ms();
        }
    }
    finish(settle);
}
