#include "ingest/reread.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/say.h"
#include "ingest/backlog.h"
#include "ingest/bridge.h"
#include "ingest/claims.h"
#include "ingest/evidence.h"
#include "ingest/heads.h"
#include "ingest/mend.h"
#include "ingest/tenure.h"
#include "ingest/tilewatch.h"
#include "verify/merkle.h"

#define STALL_MS INT64_C(60000)   /* without bytes for this long the log is given up for now */
#define HOLD_MS  INT64_C(300000)  /* how long the rows of a log may wait for its mend, */
#define ENTRY_MS INT64_C(10)      /* more for every entry that is to be replaced, */
#define HOLD_MAX INT64_C(3600000) /* and never longer */
#define SOON_MS  INT64_C(5000)
#define AGAIN_ENTRY_MS                                                                                       \
    INT64_C(20) /* between two readings for each entry of the stretch: 50 entries a second, */
#define AGAIN_LEAST_MAX   INT64_C(3600000) /* and of any stretch each hour */
#define AGAIN_ENTRIES_MAX ((uint64_t)(AGAIN_LEAST_MAX / AGAIN_ENTRY_MS))
#define TURNS             16 /* batches at a time, then others have their turn */
#define MEND_TRIES        3  /* mends that came to nothing are told as evidence then */
#define TELL_TRIES        3  /* accounts that the store refused are made anew soon, then ever more rarely */

bool reread_condemned(const struct follow *follow, const struct head *head)
{
    const struct follow_settle *own = &follow->settle;
    for (size_t i = 0; i < own->condemned_count && i < FOLLOW_CONDEMNED_MAX; i++)
        if (own->condemned[i].size == head->size && memcmp(own->condemned[i].root, head->root, 32) == 0)
            return true;
    return false;
}

static void condemn(struct follow_settle *own, const struct head *head)
{
    struct follow_condemned *place = &own->condemned[own->condemned_count++ % FOLLOW_CONDEMNED_MAX];
    place->size = head->size;
    memcpy(place->root, head->root, 32);
}

bool reread_holds(const struct follow *follow)
{
    return follow->settle.again_holds || follow->settle.again == FOLLOW_MEND;
}

bool reread_busy(const struct follow *follow)
{
    const struct follow_settle *own = &follow->settle;
    return own->again != FOLLOW_NOT_AGAIN || own->again_wanted || own->suspect.active;
}

static void suspect_clear(struct follow_settle *own)
{
    follow_head_free(own->suspect.head);
    own->suspect = (struct follow_suspect){.active = false};
}

/* Stops the lane and forgets what was read; what comes still is dropped by its ordinal. */
static void stop(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    thread_lock(&follow->lock);
    lane_stop(&follow->again);
    thread_unlock(&follow->lock);
    plant_lane_drop(settle->plant, follow, &follow->again);
    mend_close(settle, follow);
    mend_forget(own);
    follow_heads_free(&own->again_heads);
    own->again_at = NULL;
    follow_head_free(own->again_head);
    own->again_head = NULL;
    follow_head_free(own->again_unequal);
    own->again_unequal = NULL;
    own->again = FOLLOW_NOT_AGAIN;
    own->again_holds = false;
    own->again_has = false;
    own->again_fits = false;
    leafkeep_clear(&own->again_leaves);
}

void reread_abort(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    stop(settle, follow);
    own->again_wanted = false;
    suspect_clear(own);
}

/* Later, and later each time: soon, so that a log that is well again is soon found to be, but never so often
 * that reading a long stretch again would be most of what the log is asked for. */
static void put_off(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    uint64_t entries = own->range.next - own->range.verified;
    int64_t least_ms = entries < AGAIN_ENTRIES_MAX ? (int64_t)entries * AGAIN_ENTRY_MS : AGAIN_LEAST_MAX;
    int64_t wait_ms = rate_backoff_next(&own->again_backoff);
    own->again_due_ms = clock_mono_ms() + (wait_ms > least_ms ? wait_ms : least_ms);
    own->again_wanted = !settle->plant->options.once;
}

void reread_suspect(struct settle *settle, struct follow *follow, struct follow_head *head, uint64_t verified,
                    const uint8_t computed[32])
{
    struct follow_settle *own = &follow->settle;
    bool put_off_now = own->again_wanted && own->again_due_ms > clock_mono_ms();
    if (own->suspect.active || own->accused || put_off_now || reread_condemned(follow, &head->head)) {
        /* One question at a time; this head is asked about again by the next probe, from the store. */
        follow_head_free(head);
        return;
    }
    metric_add(METRIC_ROOT_MISMATCHES_TOTAL, 1);
    plant_told(settle->plant, follow, "mismatch", own->range.verified, head->head.size);
    say_warn(follow->log.name, "the entries do not give the signed root of size %" PRIu64 "; %s",
             head->head.size,
             own->range.verified > head->head.size ? "they give that of a larger one" : "reading them again");
    if (own->range.verified > head->head.size) {
        /* A later head fits the same entries: fresh bytes can not make this one right. */
        claims_due(backlog_is(follow) ? follow->front : follow);
        follow_head_free(head);
        return;
    }
    head->link = NULL;
    own->suspect = (struct follow_suspect){.active = true, .head = head, .begin = verified};
    memcpy(own->suspect.computed, computed, 32);
    own->again_wanted = true;
    own->again_due_ms = 0;
    if (bridge_is(follow, &head->head))
        bridge_prove(settle, follow);
}

/* The heads in (above, next], from the store. */
static enum err_code load(struct settle *settle, struct follow *follow, uint64_t above, struct err *why)
{
    struct follow_settle *own = &follow->settle;
    struct head rows[FOLLOW_HEADS_MAX];
    size_t count = 0;
    enum err_code code;
    do {
        err_clear(why);
        code = settle->store->ops->heads(settle->store, follow->log.id, above, rows, FOLLOW_HEADS_MAX, &count,
                                         why);
    } while (settle_again(settle, code, why));
    follow_heads_free(&own->again_heads);
    struct follow_head **end = &own->again_heads;
    for (size_t i = 0; code == ERR_OK && i < count && rows[i].size <= own->range.next; i++) {
        *end = follow_head_new(&rows[i]);
        if (*end == NULL)
            break;
        end = &(*end)->link;
    }
    own->again_more = code == ERR_OK && count == FOLLOW_HEADS_MAX && rows[count - 1].size <= own->range.next;
    if (!own->again_more && own->range.next == own->range.end)
        *end = bridge_head(follow, above);
    own->again_at = own->again_heads;
    return code;
}

void reread_resume(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct err why = {.code = ERR_OK};
    if (own->range.verified == own->range.next)
        return;
    if (own->accused) {
        own->again_wanted = own->base_known; /* when it is due, as before */
        return;
    }
    if (!own->frontier_known) {
        own->again_wanted = own->base_known;
        return;
    }
    if (load(settle, follow, own->range.verified, &why) != ERR_OK)
        return;
    /* A head at exactly `next` is compared without reading anything; smaller ones were passed already. */
    own->again_wanted = own->again_heads != NULL && own->again_heads->head.size < own->range.next;
    follow_heads_free(&own->again_heads);
    own->again_at = NULL;
}

static bool begin(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct err why = {.code = ERR_OK};
    if (load(settle, follow, own->range.verified, &why) != ERR_OK || own->again_heads == NULL) {
        /* Without a frontier a second reading is the only way to verify anything, once there is a head. */
        own->again_wanted = !own->frontier_known;
        own->again_due_ms = clock_mono_ms() + SOON_MS;
        return false;
    }
    own->again = FOLLOW_PROBE;
    own->again_has = false;
    own->again_fits = false;
    own->again_compact = own->range.verified_frontier;
    own->again_compact.size = own->range.verified;
    own->again_end = own->range.next;
    own->again_known = own->range.frontier;
    if (!own->frontier_known)
        own->again_known.size = 0;
    own->again_moved_ms = clock_mono_ms();
    thread_lock(&follow->lock);
    lane_start(&follow->again, own->range.verified, own->range.next);
    follow->again.fresh = true;
    follow->again.stage = false;
    thread_unlock(&follow->lock);
    plant_told(settle->plant, follow, "probe", own->range.verified, own->range.next);
    plant_wake(settle->plant);
    return true;
}

/* The account of a root that `head` has and the entries from `begin` on do not give. False: nobody heard of
 * it. */
static bool tell(struct settle *settle, struct follow *follow, const struct head *head,
                 const struct head *computed, uint64_t begin, const char *sentence)
{
    struct follow_settle *own = &follow->settle;
    struct evidence evidence = {.kind = "root_mismatch",
                                .begin = begin,
                                .end = head->size,
                                .head = head,
                                .other = computed,
                                .frontier = own->base_known ? &own->range.verified_frontier : NULL,
                                .frontier_from_log =
                                    own->range.begin != 0 && own->range.verified == own->range.begin,
                                .leaves = &own->again_leaves,
                                .sentence = sentence};
    struct err why = {.code = ERR_OK};
    struct head tree;
    char *answers = bridge_is(follow, head) ? bridge_proof(settle, follow, &tree) : NULL;
    if (answers != NULL) {
        evidence.other = &tree;
        evidence.answers = answers;
    }
    bool kept = evidence_keep(settle, follow, &evidence, &why) == ERR_OK;
    if (!kept)
        say_error(follow->log.name, "evidence: %s", why.text);
    free(answers);
    if (kept)
        own->accused = own->range.verified <= head->size;
    own->tell_fails = kept ? 0 : own->tell_fails + 1;
    atomic_store(&follow->unverified, true);
    return kept;
}

/* False: the store refused the account, and there has to be another one. */
static bool accuse(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    const struct head *head = &own->suspect.head->head;
    struct head computed = {.size = head->size};
    memcpy(computed.root, own->suspect.computed, 32);
    char sentence[256];
    /* Smaller heads that fit may have come meanwhile: the account begins where they end, and so does what is
     * said. */
    uint64_t begin = own->range.verified < head->size ? own->range.verified : own->suspect.begin;
    snprintf(sentence, sizeof(sentence),
             "entries %" PRIu64 " to %" PRIu64 " do not give the root that the log %s for size %" PRIu64
             ", and no fresh bytes do",
             begin, head->size - 1, bridge_is(follow, head) ? "proves" : "signed", head->size);
    bool kept = tell(settle, follow, head, &computed, begin, sentence);
    if (kept)
        condemn(own, head);
    suspect_clear(own);
    return kept;
}

/* What is stored is known to be wrong, the right bytes came once, and did not come again. */
static void mend_failed(struct settle *settle, struct follow *follow, bool wrong)
{
    struct follow_settle *own = &follow->settle;
    struct head stored = {.size = own->frontier_known ? own->range.next : 0};
    char sentence[256];
    own->mend_fails++;
    if (own->frontier_known)
        merkle_root(&own->range.frontier, stored.root);
    snprintf(sentence, sizeof(sentence),
             "entries %" PRIu64 " to %" PRIu64
             " that are stored do not give the root that the log signed for "
             "size %" PRIu64 ", and the log %s",
             own->range.verified, own->again_verified.size - 1, own->again_verified.size,
             wrong ? "serves other bytes each time" : "does not serve again those that do");
    leafkeep_clear(&own->again_leaves); /* of the second reading: the computed root is of what is stored */
    if (wrong || own->mend_fails >= MEND_TRIES)
        (void)!tell(settle, follow, &own->again_head->head, &stored, own->range.verified, sentence);
    else
        say_warn(follow->log.name, "%s; trying again later", sentence);
    atomic_store(&follow->unverified, true);
    stop(settle, follow);
    put_off(settle, follow);
}

/* A frontier that the log gave is only as good as the head it was proven with: before anybody is accused with
 * it, it is asked for once more. */
static bool doubt_base(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    if (own->range.begin == 0 || own->range.verified != own->range.begin || own->base_again)
        return false;
    say_warn(follow->log.name, "asking again for the frontier at %" PRIu64, own->range.verified);
    stop(settle, follow);
    own->base_again = true;
    own->base_known = false;
    own->base_asked = false;
    own->base_due_ms = 0;
    own->again_wanted = false; /* the answer sets it */
    return true;
}

/* The second reading gave the same bytes that are stored. */
static bool same_bytes(const struct follow_settle *own)
{
    return own->again_known.size == own->again_compact.size &&
           memcmp(own->again_known.hash, own->again_compact.hash, 32 * compact_count(&own->again_compact)) ==
               0;
}

/* From now on nothing is stored for this log until the probe has caught up and what it found is done. */
static void hold(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    int64_t wait_ms = HOLD_MS + ENTRY_MS * (int64_t)(mend_entries(own) + own->range.next - own->again_end);
    struct err why = {.code = ERR_OK};
    if (settle->plant->options.mend_ms != 0)
        wait_ms = settle->plant->options.mend_ms;
    own->again_holds = true;
    own->again_until_ms = clock_mono_ms() + (wait_ms < HOLD_MAX ? wait_ms : HOLD_MAX);
    tenure_pause(settle, follow);
    if (own->range.next == own->again_end)
        return;
    (void)load(settle, follow, own->again_end, &why);
    thread_lock(&follow->lock);
    follow->again.end = own->range.next;
    thread_unlock(&follow->lock);
    own->again_end = own->range.next;
    plant_wake(settle->plant);
}

/* Another process, or a database that is away: from the start. A refusal would only come again at once. */
static void mend_refused(struct settle *settle, struct follow *follow, const struct err *why)
{
    if (why->code != ERR_DB && why->code != ERR_DB_DATA) {
        settle_failed(settle, follow, why);
        return;
    }
    settle_refused(settle, follow, why);
    stop(settle, follow);
    put_off(settle, follow);
}

/* Each try reads all of it from the log again, so the next one is not soon. */
static void mend_later(struct settle *settle, struct follow *follow, const struct err *why)
{
    say_warn(follow->log.name, "entries that are stored are wrong, and are replaced later: %s", why->text);
    if (settle->plant->options.once)
        atomic_store(&follow->unverified, true);
    stop(settle, follow);
    put_off(settle, follow);
}

static void mend(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct err why = {.code = ERR_OK};
    suspect_clear(own);
    own->again_wanted = false;
    own->again_moved_ms = clock_mono_ms();
    switch (mend_begin(settle, follow, &why)) {
    case MEND_GOES_ON:
        own->again = FOLLOW_MEND;
        plant_told(settle->plant, follow, "mend", own->differ[0].begin,
                   own->differ[own->differ_count - 1].end);
        return;
    case MEND_BUSY:
        stop(settle, follow);
        own->again_wanted = true;
        own->again_due_ms = clock_mono_ms() + SOON_MS;
        return;
    case MEND_LATER:
        mend_later(settle, follow, &why);
        return;
    default:
        mend_refused(settle, follow, &why);
    }
}

/* The probe found a head that fits and has read all that is stored: the rows are right, or are mended. */
static void confirm(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct compact verified = own->again_verified;
    struct compact frontier = own->again_compact;
    struct err why = {.code = ERR_OK};
    bool same = same_bytes(own);
    if (!same && own->differ_count != 0) {
        mend(settle, follow);
        return;
    }
    enum err_code code = settle_verified(settle, follow, &verified, same ? &own->range.frontier : &frontier,
                                         &own->again_head->head, &why);
    if (code != ERR_OK) {
        settle_failed(settle, follow, &why);
        return;
    }
    own->mend_fails = 0;
    own->again_wanted = false;
    stop(settle, follow);
}

/* What was stored without a frontier was never compared: a head that it does not give is told only after a
 * second look, like any other. Ends the probe. */
static void unequal_doubt(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct follow_head *unequal = own->again_unequal;
    own->again_unequal = NULL;
    stop(settle, follow);
    if (unequal != NULL)
        reread_suspect(settle, follow, unequal, own->range.verified, own->again_root);
}

/* All of the stretch was hashed a second time. */
static void probe_end(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    bool better = own->again_has && own->again_verified.size > own->range.verified;
    if (!better && own->suspect.active && !own->again_fits && doubt_base(settle, follow))
        return;
    if (better && !same_bytes(own) && !own->again_holds) {
        hold(settle, follow);
        if (own->again_compact.size < own->again_end)
            return;
    }
    bool told = !own->suspect.active || own->again_fits || accuse(settle, follow);
    suspect_clear(own);
    if (better) {
        confirm(settle, follow);
        return;
    }
    own->again_wanted = false;
    if (!told) {
        stop(settle, follow);
        put_off(settle, follow);
        if (own->tell_fails <= TELL_TRIES)
            own->again_due_ms = clock_mono_ms() + SOON_MS;
        return;
    }
    if (bridge_doubt(settle, follow))
        return;
    unequal_doubt(settle, follow);
    if (!own->suspect.active && own->held && own->range.verified < own->range.next)
        put_off(settle, follow);
}

static void mended(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    own->frontier_known = true;
    own->accused = false;
    own->mend_fails = 0;
    rate_backoff_reset(&own->again_backoff);
    say_info(follow->log.name, "read again: %" PRIu64 " entries were wrong the first time and are replaced",
             own->mend_changed);
    plant_told(settle->plant, follow, "healed", own->range.begin, own->range.verified);
    stop(settle, follow);
}

static void compare(struct follow_settle *own)
{
    uint8_t root[32];
    struct follow_head *unequal = NULL;
    const struct follow_head *equal = heads_compare(&own->again_compact, &own->again_at, &unequal, root);
    if (equal == NULL && unequal != NULL && own->again_unequal == NULL) {
        own->again_unequal = follow_head_new(&unequal->head);
        memcpy(own->again_root, root, 32);
    }
    if (own->suspect.active && own->suspect.head->head.size == own->again_compact.size) {
        merkle_root(&own->again_compact, root);
        own->again_fits = memcmp(root, own->suspect.head->head.root, 32) == 0;
        memcpy(own->suspect.computed, root, 32);
    }
    struct follow_head *copy = equal == NULL ? NULL : follow_head_new(&equal->head);
    if (copy == NULL)
        return;
    follow_head_free(own->again_head);
    own->again_head = copy;
    own->again_has = true;
    own->again_verified = own->again_compact;
}

/* One batch of the second reading. */
static enum err_code probe_step(struct settle *settle, struct follow *follow, struct batch *batch,
                                struct err *why)
{
    struct follow_settle *own = &follow->settle;
    bool differs = true;
    enum err_code code;
    for (size_t i = 0; i < batch->entry_count; i++) {
        merkle_append(&own->again_compact, batch->entries[i].leaf_hash);
        compare(own);
        if (own->again_at == NULL && own->again_more)
            (void)load(settle, follow, own->again_compact.size, why);
    }
    leafkeep_add(&own->again_leaves, batch, own->again_end - own->range.verified <= LIMIT_EVIDENCE_ENTRIES);
    do {
        err_clear(why);
        code = settle->store->ops->differs(settle->store, batch, &differs, why);
    } while (settle_again(settle, code, why));
    if (code == ERR_OK && !mend_note(own, batch, differs))
        code = err_set(why, ERR_MEMORY, "%s: reading again: out of memory", follow->log.name);
    if (code == ERR_OK && own->again_compact.size >= own->again_end)
        probe_end(settle, follow);
    return code;
}

static void start(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    bool due = clock_mono_ms() >= own->again_due_ms && own->base_known && !plant_stopping(settle->plant);
    if (due && own->again_wanted && !begin(settle, follow))
        suspect_clear(own);
}

/* Rows wait for a mend, so it may not hang on a log that went away, or that is slow on purpose. */
static void stall_check(struct settle *settle, struct follow *follow, bool waits)
{
    struct follow_settle *own = &follow->settle;
    int64_t now_ms = clock_mono_ms();
    int64_t stall_ms = settle->plant->options.mend_ms != 0 ? settle->plant->options.mend_ms : STALL_MS;
    if (!reread_holds(follow))
        return;
    if (plant_stopping(settle->plant)) {
        reread_abort(settle, follow);
        return;
    }
    if (now_ms >= own->again_until_ms || (waits && now_ms - own->again_moved_ms >= stall_ms))
        mend_failed(settle, follow, false);
}

static void step(struct settle *settle, struct follow *follow, struct job *job)
{
    struct follow_settle *own = &follow->settle;
    struct err why = {.code = ERR_OK};
    own->again_moved_ms = clock_mono_ms();
    if (own->again == FOLLOW_PROBE) {
        tilewatch_tell(settle, follow, &job, 1);
        if (probe_step(settle, follow, &job->batch, &why) != ERR_OK)
            settle_failed(settle, follow, &why);
        return;
    }
    switch (mend_step(settle, follow, &job->batch, &why)) {
    case MEND_DONE:
        mended(settle, follow);
        return;
    case MEND_WRONG:
        mend_failed(settle, follow, true);
        return;
    case MEND_FAILED:
        mend_refused(settle, follow, &why);
        return;
    default:
        return;
    }
}

void reread_serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    if (own->again == FOLLOW_CLAIM)
        return; /* claims.c has the lane */
    if (own->again == FOLLOW_NOT_AGAIN)
        start(settle, follow);
    unsigned turn = 0;
    for (; own->again != FOLLOW_NOT_AGAIN && turn < TURNS; turn++) {
        thread_lock(&follow->lock);
        struct job *job = seq_take(&follow->again.seq, NULL, NULL);
        thread_unlock(&follow->lock);
        stall_check(settle, follow, job == NULL);
        if (job == NULL)
            return;
        if (own->again != FOLLOW_NOT_AGAIN)
            step(settle, follow, job);
        plant_job_free(settle->plant, job);
    }
    if (turn == TURNS)
        plant_kick(settle->plant, follow);
}
