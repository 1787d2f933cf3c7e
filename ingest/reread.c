#include "ingest/reread.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/say.h"
#include "base/text.h"
#include "ingest/evidence.h"
#include "ingest/heads.h"
#include "verify/merkle.h"

#define STALL_MS INT64_C(60000) /* a repair that gets no bytes for this long is rolled back */

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

bool reread_busy(const struct follow *follow)
{
    const struct follow_settle *own = &follow->settle;
    return own->again != FOLLOW_NOT_AGAIN || own->again_wanted || own->mend_wanted || own->suspect.active;
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
    follow_heads_free(&own->again_heads);
    own->again_at = NULL;
    own->again = FOLLOW_NOT_AGAIN;
    own->again_has = false;
    own->again_fits = false;
    free(own->again_bytes);
    own->again_bytes = NULL;
    if (settle->mending == follow)
        settle->mending = NULL;
}

void reread_abort(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    if (settle->mending == follow) {
        struct store_settle row = {
            .range = &own->range, .next = own->range.next, .frontier = &own->range.frontier};
        (void)settle->store->ops->repair_end(settle->store, &row, false, NULL);
    }
    stop(settle, follow);
    own->again_wanted = false;
    own->mend_wanted = false;
    suspect_clear(own);
}

/* Later, and later each time. */
static void put_off(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    own->again_due_ms = clock_mono_ms() + rate_backoff_next(&own->again_backoff);
    own->again_wanted = !settle->plant->options.once;
    own->mend_wanted = false;
}

static void accuse(struct settle *settle, struct follow *follow);

void reread_suspect(struct settle *settle, struct follow *follow, struct follow_head *head, uint64_t verified,
                    const uint8_t computed[32])
{
    struct follow_settle *own = &follow->settle;
    if (own->suspect.active || own->accused || reread_condemned(follow, &head->head)) {
        /* One question at a time; this head is asked about again by the next probe, from the store. */
        follow_head_free(head);
        return;
    }
    metric_add(METRIC_ROOT_MISMATCHES_TOTAL, 1);
    plant_told(settle->plant, follow, "mismatch", own->range.verified, head->head.size);
    say_warn(follow->log.name,
             "the entries do not give the signed root of size %" PRIu64 "; reading them again",
             head->head.size);
    head->link = NULL;
    own->suspect = (struct follow_suspect){.active = true, .head = head, .begin = verified};
    memcpy(own->suspect.computed, computed, 32);
    if (own->range.verified > head->head.size) {
        /* A later head fits the same entries: fresh bytes can not make this one right. */
        accuse(settle, follow);
        return;
    }
    own->again_wanted = true;
    own->again_due_ms = 0;
}

/* The heads in (verified, end], from the store. */
static enum err_code load(struct settle *settle, struct follow *follow, struct err *why)
{
    struct follow_settle *own = &follow->settle;
    struct head rows[FOLLOW_HEADS_MAX];
    size_t count = 0;
    enum err_code code;
    do {
        err_clear(why);
        code = settle->store->ops->heads(settle->store, follow->log.id, own->range.verified, rows,
                                         FOLLOW_HEADS_MAX, &count, why);
    } while (settle_again(settle, code, why));
    follow_heads_free(&own->again_heads);
    struct follow_head **end = &own->again_heads;
    for (size_t i = 0; code == ERR_OK && i < count && rows[i].size <= own->range.next; i++) {
        *end = follow_head_new(&rows[i]);
        if (*end == NULL)
            break;
        end = &(*end)->link;
    }
    own->again_at = own->again_heads;
    return code;
}

void reread_resume(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct err why = {.code = ERR_OK};
    if (own->range.verified == own->range.next || !own->frontier_known ||
        load(settle, follow, &why) != ERR_OK)
        return;
    /* A head at exactly `next` is compared without reading anything; smaller ones were passed already. */
    own->again_wanted = own->again_heads != NULL && own->again_heads->head.size < own->range.next;
    follow_heads_free(&own->again_heads);
    own->again_at = NULL;
}

static bool begin(struct settle *settle, struct follow *follow, enum follow_again kind)
{
    struct follow_settle *own = &follow->settle;
    struct err why = {.code = ERR_OK};
    if (load(settle, follow, &why) != ERR_OK || own->again_heads == NULL) {
        own->again_wanted = false;
        return false;
    }
    own->again = kind;
    own->again_has = false;
    own->again_fits = false;
    own->again_compact = own->range.verified_frontier;
    own->again_compact.size = own->range.verified;
    own->again_end = own->range.next;
    own->again_known = own->range.frontier;
    own->again_moved_ms = clock_mono_ms();
    thread_lock(&follow->lock);
    lane_start(&follow->again, own->range.verified, own->range.next);
    follow->again.fresh = true;
    follow->again.stage = kind == FOLLOW_MEND && settle->plant->options.stage.run != NULL;
    thread_unlock(&follow->lock);
    plant_told(settle->plant, follow, kind == FOLLOW_MEND ? "mend" : "probe", own->range.verified,
               own->range.next);
    plant_wake(settle->plant);
    return true;
}

/* Evidence keeps the bytes of a short stretch as they came the second time. */
static void bytes_add(struct follow_settle *own, const struct batch *batch)
{
    if (own->again_end - own->range.verified > LIMIT_EVIDENCE_ENTRIES)
        return;
    struct buf text;
    buf_init(&text, LIMIT_EVIDENCE_BYTES);
    buf_str(&text, own->again_bytes == NULL ? "[" : own->again_bytes);
    for (size_t i = 0; i < batch->entry_count; i++) {
        struct span leaf = batch->entries[i].leaf;
        buf_fmt(&text, "%s{\"index\":%" PRIu64 ",\"leaf_input\":\"", text.len > 1 ? "," : "",
                batch->entries[i].index);
        char *at = (char *)buf_room(&text, (leaf.len + 2) / 3 * 4 + 1);
        if (at == NULL)
            break;
        text_base64(leaf, at);
        text.len--; /* the NUL */
        buf_str(&text, "\"}");
    }
    free(own->again_bytes);
    own->again_bytes = buf_ok(&text) ? strdup(buf_text(&text)) : NULL;
    buf_fini(&text);
}

static void accuse(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    const struct head *head = &own->suspect.head->head;
    struct head computed = {.size = head->size};
    memcpy(computed.root, own->suspect.computed, 32);
    char sentence[256];
    snprintf(sentence, sizeof(sentence),
             "entries %" PRIu64 " to %" PRIu64 " do not give the root that the log signed for size %" PRIu64
             ", and no fresh bytes do",
             own->suspect.begin, head->size - 1, head->size);
    char *bytes = NULL;
    if (own->again_bytes != NULL && asprintf(&bytes, "%s]", own->again_bytes) < 0)
        bytes = NULL;
    struct evidence evidence = {.kind = "root_mismatch",
                                .begin = own->suspect.begin,
                                .end = head->size,
                                .head = head,
                                .other = &computed,
                                .frontier = own->base_known ? &own->range.verified_frontier : NULL,
                                .entries = bytes == NULL ? SPAN_NONE : span_str(bytes),
                                .sentence = sentence};
    struct err why = {.code = ERR_OK};
    if (evidence_keep(settle, follow, &evidence, &why) != ERR_OK)
        say_error(follow->log.name, "evidence: %s", why.text);
    free(bytes);
    condemn(own, head);
    own->accused = own->range.verified <= head->size;
    atomic_store(&follow->unverified, true);
    suspect_clear(own);
}

/* The second reading gave the same bytes that are stored. */
static bool same_bytes(const struct follow_settle *own)
{
    return own->frontier_known && own->again_known.size == own->again_compact.size &&
           memcmp(own->again_known.hash, own->again_compact.hash, 32 * compact_count(&own->again_compact)) ==
               0;
}

/* All of the stretch was hashed a second time. */
static void probe_end(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    bool better = own->again_has && own->again_verified.size > own->range.verified;
    bool same = same_bytes(own);
    struct compact verified = own->again_verified;
    struct err why = {.code = ERR_OK};
    if (own->suspect.active && !own->again_fits)
        accuse(settle, follow);
    suspect_clear(own);
    own->again_wanted = false;
    if (better && same && settle_verified(settle, follow, &verified, own->again_head, &why) != ERR_OK) {
        settle_failed(settle, follow, &why);
        return;
    }
    stop(settle, follow);
    if (better && !same)
        own->mend_wanted = true;
    else if (!better && own->range.verified < own->again_end)
        put_off(settle, follow);
    own->again_due_ms = better ? 0 : own->again_due_ms;
}

static void mend_end(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    bool keep = own->again_has;
    struct store_settle row = {.range = &own->range,
                               .next = own->range.next,
                               .frontier = &own->again_compact,
                               .has_verified = keep,
                               .verified = keep ? &own->again_verified : NULL};
    if (keep)
        row.verified_head = own->again_head->head;
    struct err why = {.code = ERR_OK};
    enum err_code code = settle->store->ops->repair_end(settle->store, &row, keep, &why);
    settle->mending = NULL;
    if (code != ERR_OK) {
        settle_failed(settle, follow, &why);
        return;
    }
    if (keep) {
        own->range.frontier = own->again_compact;
        own->frontier_known = true;
        own->range.verified = own->again_verified.size;
        own->range.verified_frontier = own->again_verified;
        own->accused = false;
        rate_backoff_reset(&own->again_backoff);
        say_info(follow->log.name,
                 "read again: %" PRIu64 " entries were wrong the first time and are replaced",
                 own->mend_changed);
        plant_told(settle->plant, follow, "healed", own->range.begin, own->range.verified);
    }
    stop(settle, follow);
    own->mend_wanted = false;
    if (!keep)
        put_off(settle, follow);
}

/* One batch of the second reading. */
static enum err_code step(struct settle *settle, struct follow *follow, struct job *job, struct err *why)
{
    struct follow_settle *own = &follow->settle;
    const struct batch *batch = &job->batch;
    own->again_moved_ms = clock_mono_ms();
    for (size_t i = 0; i < batch->entry_count; i++) {
        merkle_append(&own->again_compact, batch->entries[i].leaf_hash);
        uint8_t root[32];
        struct follow_head *unequal = NULL;
        struct follow_head *equal = heads_compare(&own->again_compact, &own->again_at, &unequal, root);
        if (own->suspect.active && own->suspect.head->head.size == own->again_compact.size) {
            merkle_root(&own->again_compact, root);
            own->again_fits = memcmp(root, own->suspect.head->head.root, 32) == 0;
            memcpy(own->suspect.computed, root, 32);
        }
        if (equal == NULL)
            continue;
        own->again_has = true;
        own->again_verified = own->again_compact;
        own->again_head = equal;
    }
    if (own->again == FOLLOW_PROBE) {
        bytes_add(own, batch);
        return ERR_OK;
    }
    uint64_t changed = 0;
    enum err_code code = settle->store->ops->repair(settle->store, &job->batch, &changed, why);
    own->mend_changed += changed;
    return code;
}

static void mend_begin(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct err why = {.code = ERR_OK};
    own->mend_changed = 0;
    if (!begin(settle, follow, FOLLOW_MEND)) {
        own->mend_wanted = false;
        return;
    }
    enum err_code code = settle->store->ops->repair_begin(settle->store, &own->range, &why);
    if (code == ERR_OK) {
        settle->mending = follow;
        return;
    }
    settle_failed(settle, follow, &why);
}

static void start(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    bool due = clock_mono_ms() >= own->again_due_ms && own->base_known && !plant_stopping(settle->plant);
    if (!due || (!own->again_wanted && !own->mend_wanted))
        return;
    if (own->mend_wanted)
        mend_begin(settle, follow);
    else if (!begin(settle, follow, FOLLOW_PROBE))
        suspect_clear(own);
}

/* A repair keeps everybody else from the store, so it may not hang on a log that went away. */
static void stall_check(struct settle *settle, struct follow *follow)
{
    if (settle->mending != follow)
        return;
    if (!plant_stopping(settle->plant) && clock_mono_ms() - follow->settle.again_moved_ms < STALL_MS)
        return;
    reread_abort(settle, follow);
    put_off(settle, follow);
}

void reread_serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    if (own->again == FOLLOW_NOT_AGAIN)
        start(settle, follow);
    while (own->again != FOLLOW_NOT_AGAIN) {
        thread_lock(&follow->lock);
        struct job *job = seq_take(&follow->again.seq, NULL, NULL);
        thread_unlock(&follow->lock);
        if (job == NULL) {
            stall_check(settle, follow);
            return;
        }
        struct err why = {.code = ERR_OK};
        enum err_code code = step(settle, follow, job, &why);
        plant_job_free(settle->plant, job);
        if (code != ERR_OK) {
            settle_failed(settle, follow, &why);
            return;
        }
        if (own->again_compact.size < own->again_end)
            continue;
        if (own->again == FOLLOW_MEND)
            mend_end(settle, follow);
        else
            probe_end(settle, follow);
    }
}
