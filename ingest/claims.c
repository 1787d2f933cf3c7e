#include "ingest/claims.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/say.h"
#include "ingest/backlog.h"
#include "ingest/evidence.h"
#include "ingest/reread.h"
#include "verify/merkle.h"

#define TAIL     16 /* entries at the end of a smaller tree that are compared */
#define ROUNDS   2  /* what differs must do so twice */
#define STARTS   4  /* readings in all, those included that a second reading of something else ended */
#define WAIT_MS  INT64_C(20000)
#define SINCE_MS INT64_C(10000)
#define TOGETHER 16 /* loaded at once */
/* Other processes see heads, too, and may store them when the tree is past them. */
#define LOOK_MS INT64_C(60000)

void claims_due(struct follow *follow)
{
    follow->settle.claim.due = true;
    follow->settle.claim.due_ms = 0;
}

void claims_head(struct follow *follow, const struct head *head)
{
    struct follow_claim *claim = &follow->settle.claim;
    for (size_t i = 0; i < claim->seen_count && i < FOLLOW_CONDEMNED_MAX; i++)
        if (claim->seen[i].size == head->size && memcmp(claim->seen[i].root, head->root, 32) == 0)
            return;
    struct follow_condemned *place = &claim->seen[claim->seen_count++ % FOLLOW_CONDEMNED_MAX];
    place->size = head->size;
    memcpy(place->root, head->root, 32);
    claims_due(follow);
}

void claims_wrong(struct follow *follow, struct refute *refute)
{
    struct follow *front = backlog_is(follow) ? follow->front : follow;
    struct follow_claim *claim = &front->settle.claim;
    if (claim->list == NULL && !claim->due) {
        refute_free(claim->refute); /* it was told of, or somebody else did */
        claim->refute = NULL;
    }
    if (claim->refute == NULL)
        claim->refute = refute;
    else
        refute_free(refute);
    claims_due(front);
}

/* What the entries show of the head at hand; NULL: nothing. */
static const struct refute *shown(const struct follow_claim *claim)
{
    return refute_is(claim->refute, &claim->list->head) ? claim->refute : NULL;
}

static bool can_judge(const struct follow_settle *own)
{
    return own->held && own->base_known && own->range.verified > 1 && !own->base_asked;
}

bool claims_busy(const struct follow *follow)
{
    const struct follow_settle *own = &follow->settle;
    const struct follow_claim *claim = &own->claim;
    return claim->list != NULL || (claim->due && can_judge(own) && clock_mono_ms() >= claim->due_ms);
}

/* The lane and the request for a proof are given back. */
static void interrupt(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct follow_claim *claim = &own->claim;
    thread_lock(&follow->lock);
    bool asks = claim->step == FOLLOW_CLAIM_PROOF || claim->step == FOLLOW_CLAIM_SINCE;
    if (asks && follow->frontier.ordinal == claim->ordinal)
        follow->frontier = (struct follow_frontier){.ordinal = claim->ordinal + 1};
    if (own->again == FOLLOW_CLAIM)
        lane_stop(&follow->again);
    thread_unlock(&follow->lock);
    if (own->again == FOLLOW_CLAIM) {
        plant_lane_drop(settle->plant, follow, &follow->again);
        own->again = FOLLOW_NOT_AGAIN;
    }
    leafkeep_clear(&claim->leaves);
    free(claim->answers);
    claim->answers = NULL;
    claim->step = FOLLOW_CLAIM_NONE;
}

void claims_drop(struct settle *settle, struct follow *follow)
{
    struct follow_claim *claim = &follow->settle.claim;
    interrupt(settle, follow);
    follow_heads_free(&claim->list);
    claim->due = false;
}

/* The first of the list is done with. */
static void next(struct settle *settle, struct follow *follow)
{
    struct follow_claim *claim = &follow->settle.claim;
    interrupt(settle, follow);
    struct follow_head *head = claim->list;
    claim->list = head->link;
    follow_head_free(head);
    if (claim->list != NULL)
        return;
    bool news = claim->due; /* something came meanwhile */
    claim->due = news || claim->open || claim->more;
    claim->due_ms = 0;
    if (!claim->open)
        rate_backoff_reset(&claim->backoff);
    else if (!news)
        claim->due_ms = clock_mono_ms() + rate_backoff_next(&claim->backoff);
}

static void judge(struct settle *settle, struct follow *follow, bool fits)
{
    const struct head *head = &follow->settle.claim.list->head;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->claim_judged(settle->store, follow->log.id, head, fits, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK)
        say_error(follow->log.name, "tree head: %s", why.text);
    if (fits)
        say_info(follow->log.name,
                 "a signed head of %" PRIu64 " entries, smaller than what is verified, fits", head->size);
    struct follow_claim *claim = &follow->settle.claim;
    claim->open = claim->open || code != ERR_OK;
    if (shown(claim) != NULL) {
        refute_free(claim->refute);
        claim->refute = NULL;
    }
    next(settle, follow);
}

/* What the log answered when it was asked for a proof joins what it answered before. False: it is nothing, or
 * too much. */
static bool answers_take(struct follow *follow)
{
    struct follow_claim *claim = &follow->settle.claim;
    thread_lock(&follow->lock);
    char *answers = follow->frontier_answers;
    follow->frontier_answers = NULL;
    thread_unlock(&follow->lock);
    bool any = answers != NULL && answers[0] != '\0';
    if (claim->answers == NULL) {
        claim->answers = answers;
        return any;
    }
    size_t len = strlen(claim->answers);
    char *both = any && len != 0 ? malloc(len + strlen(answers)) : NULL;
    if (both != NULL) { /* two JSON arrays */
        memcpy(both, claim->answers, len - 1);
        both[len - 1] = ',';
        memcpy(both + len, answers + 1, strlen(answers));
        free(claim->answers);
        claim->answers = both;
    }
    free(answers);
    return both != NULL;
}

/* The account of the smaller head and of the tree that it should begin. */
static enum err_code tell(struct settle *settle, struct follow *follow, const char *kind, uint64_t begin,
                          const char *sentence, struct err *why)
{
    struct follow_settle *own = &follow->settle;
    struct follow_claim *claim = &own->claim;
    struct refute *refute = shown(claim) == NULL ? NULL : claim->refute;
    struct head tree = claim->tree;
    bool asked_since = claim->step == FOLLOW_CLAIM_SINCE;
    evidence_signed(settle, follow, &tree);
    bool more = answers_take(follow);
    struct evidence evidence = {.kind = kind,
                                .begin = begin,
                                .end = begin,
                                .head = &claim->list->head,
                                .other = &tree,
                                .frontier = refute != NULL ? &refute->before : &own->range.verified_frontier,
                                .frontier_from_log =
                                    own->range.begin != 0 && own->range.verified == own->range.begin,
                                .leaves = refute != NULL ? &refute->leaves : &claim->leaves,
                                .answers = claim->answers,
                                .asked_since = asked_since && more,
                                .refute = refute,
                                .others = refute == NULL && claim->differs,
                                .sentence = sentence};
    enum err_code code = evidence_keep(settle, follow, &evidence, why);
    if (code != ERR_OK)
        say_error(follow->log.name, "evidence: %s", why->text);
    return code;
}

/* Of this head it was told already. Another root of the same size is another head. */
static bool silent(const struct follow_claim *claim, const struct head *head)
{
    return claim->silence.size == head->size && memcmp(claim->silence.root, head->root, 32) == 0;
}

/* A log that may not be asked for ever without anybody hearing of it: it has to be able to prove its heads,
 * and one that was replaced but for its last entries would keep silent. */
static void silence_tell(struct settle *settle, struct follow *follow)
{
    struct follow_claim *claim = &follow->settle.claim;
    const struct head *head = &claim->list->head;
    int64_t limit_ms = settle->plant->options.unproven_ms;
    int64_t seen_ms = 0;
    char sentence[256];
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->head_since(settle->store, follow->log.id, head, &seen_ms, &why);
    } while (settle_again(settle, code, &why));
    int64_t age_ms = clock_wall_ms() - seen_ms;
    if (code != ERR_OK || age_ms < limit_ms || silent(claim, head))
        return;
    snprintf(sentence, sizeof(sentence),
             "the log signed a tree of %" PRIu64 " entries %" PRId64
             " hours ago and does not prove since that the verified tree of %" PRIu64 " begins with it",
             head->size, age_ms / 3600000, claim->tree.size);
    if (tell(settle, follow, "unproven_head", head->size, sentence, &why) != ERR_OK)
        return;
    claim->silence = (struct follow_condemned){.size = head->size};
    memcpy(claim->silence.root, head->root, 32);
}

/* Neither proven nor contradicted. */
static void leave(struct settle *settle, struct follow *follow)
{
    struct follow_claim *claim = &follow->settle.claim;
    const struct head *head = &claim->list->head;
    say_warn(follow->log.name,
             "the log does not prove that its signed head of %" PRIu64
             " entries belongs to the verified tree of %" PRIu64 "; it is asked again",
             head->size, claim->tree.size);
    atomic_store(&follow->unverified, true);
    silence_tell(settle, follow);
    claim->open = true;
    next(settle, follow);
}

/* By this process, of this tree: what its account says need not be found out again. */
static bool accused(const struct follow_claim *claim)
{
    return claim->told_at == claim->tree.size && memcmp(claim->told, claim->list->head.root, 32) == 0;
}

static void accuse(struct settle *settle, struct follow *follow, const char *how)
{
    struct follow_claim *claim = &follow->settle.claim;
    struct err why = {.code = ERR_OK};
    char sentence[256];
    atomic_store(&follow->unverified, true);
    if (!accused(claim)) {
        metric_add(METRIC_ROOT_MISMATCHES_TOTAL, 1);
        snprintf(sentence, sizeof(sentence),
                 "the log signed a tree of %" PRIu64 " entries that the verified tree of %" PRIu64
                 " does not begin with: %s",
                 claim->list->head.size, claim->tree.size, how);
        if (tell(settle, follow, "shrunk_head", claim->tree.size, sentence, &why) != ERR_OK) {
            claim->open = true;
            next(settle, follow);
            return;
        }
        claim->told_at = claim->tree.size;
        memcpy(claim->told, claim->list->head.root, sizeof(claim->told));
    }
    judge(settle, follow, false);
}

/* Loading ---------------------------------------------------------------------------------------- */

static void load(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct follow_claim *claim = &own->claim;
    struct head rows[TOGETHER];
    size_t count = 0;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->claims(settle->store, follow->log.id, own->range.verified, rows, TOGETHER,
                                          &count, &why);
    } while (settle_again(settle, code, &why));
    struct follow_head **end = &claim->list;
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        *end = follow_head_new(&rows[i]);
        if (*end == NULL)
            break;
        end = &(*end)->link;
    }
    claim->look_ms = clock_mono_ms() + LOOK_MS;
    claim->due = false;
    claim->open = false;
    claim->more = count == TOGETHER;
}

/* Proof ------------------------------------------------------------------------------------------ */

/* Does the tree of `head` begin that of `tree`? */
static void ask(struct settle *settle, struct follow *follow, const struct head *head,
                const struct head *tree)
{
    struct follow_claim *claim = &follow->settle.claim;
    struct follow_frontier want = {
        .wanted = true, .claim = true, .head = *head, .size = head->size, .tree = *tree};
    want.head.raw = SPAN_NONE;
    want.tree.raw = SPAN_NONE;
    thread_lock(&follow->lock);
    want.ordinal = follow->frontier.ordinal + 1;
    follow->frontier = want;
    thread_unlock(&follow->lock);
    claim->ordinal = want.ordinal;
    plant_told(settle->plant, follow, "claim", want.size, want.tree.size);
    plant_wake(settle->plant);
}

static void proof_ask(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct follow_claim *claim = &own->claim;
    const struct refute *refute = shown(claim);
    claim->tree = (struct head){.size = own->range.verified};
    merkle_root(&own->range.verified_frontier, claim->tree.root);
    if (refute != NULL)
        claim->tree = refute->tree;
    ask(settle, follow, &claim->list->head, &claim->tree);
    claim->step = FOLLOW_CLAIM_PROOF;
    claim->until_ms = clock_mono_ms() + WAIT_MS;
}

/* It contradicts. When the last tree that fitted before it is known, the log is asked how far the two agree.
 */
static void wrong(struct settle *settle, struct follow *follow, const char *how)
{
    struct follow_claim *claim = &follow->settle.claim;
    const struct refute *refute = shown(claim);
    struct head before;
    if (refute == NULL || refute->before.size == 0 || accused(claim)) {
        accuse(settle, follow, how);
        return;
    }
    before = (struct head){.size = refute->before.size};
    merkle_root(&refute->before, before.root);
    (void)answers_take(follow);
    claim->how = how;
    ask(settle, follow, &before, &claim->list->head);
    claim->step = FOLLOW_CLAIM_SINCE;
    claim->until_ms = clock_mono_ms() + SINCE_MS;
}

static void entries_begin(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct follow_claim *claim = &own->claim;
    uint64_t size = claim->list->head.size;
    if (size <= own->range.begin || size > own->range.next) {
        leave(settle, follow); /* nothing to compare with */
        return;
    }
    claim->step = FOLLOW_CLAIM_ENTRY;
    claim->rounds = 0;
    claim->starts = 0;
    claim->until_ms = clock_mono_ms() + WAIT_MS;
}

static void proof_serve(struct settle *settle, struct follow *follow)
{
    struct follow_claim *claim = &follow->settle.claim;
    thread_lock(&follow->lock);
    struct follow_frontier answer = follow->frontier;
    thread_unlock(&follow->lock);
    bool late = clock_mono_ms() >= claim->until_ms;
    bool mine = answer.ordinal == claim->ordinal;
    if (claim->step == FOLLOW_CLAIM_SINCE) {
        if (!mine || answer.answered || late)
            accuse(settle, follow, claim->how);
        return;
    }
    if (!mine) {
        interrupt(settle, follow); /* somebody else needed to ask; again from the beginning */
        return;
    }
    if (!answer.answered && !late)
        return;
    bool known = answer.answered && answer.known;
    if (known && answer.fits) {
        judge(settle, follow, true);
    } else if (known) {
        wrong(settle, follow, "the log itself proves another root for that size");
    } else if (shown(claim) != NULL) {
        wrong(settle, follow, "the entries that give the larger one give another root for that size");
    } else {
        interrupt(settle, follow);
        entries_begin(settle, follow);
    }
}

/* Entries ---------------------------------------------------------------------------------------- */

static void entries_read(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct follow_claim *claim = &own->claim;
    uint64_t end = claim->list->head.size;
    uint64_t begin = end > TAIL ? end - TAIL : 0;
    if (begin < own->range.begin)
        begin = own->range.begin;
    claim->starts++;
    claim->differs = false;
    leafkeep_clear(&claim->leaves);
    own->again = FOLLOW_CLAIM;
    claim->until_ms = clock_mono_ms() + WAIT_MS;
    thread_lock(&follow->lock);
    lane_start(&follow->again, begin, end);
    follow->again.fresh = true;
    follow->again.stage = false;
    follow->again.tree = end;
    thread_unlock(&follow->lock);
    plant_wake(settle->plant);
}

static void entries_take(struct settle *settle, struct follow *follow, const struct batch *batch)
{
    struct follow_settle *own = &follow->settle;
    struct follow_claim *claim = &own->claim;
    bool others = false;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->others(settle->store, batch, &others, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK) {
        leave(settle, follow);
        return;
    }
    leafkeep_add(&claim->leaves, batch, true);
    claim->differs = claim->differs || others;
    if (batch->end < claim->list->head.size)
        return;
    thread_lock(&follow->lock);
    lane_stop(&follow->again);
    thread_unlock(&follow->lock);
    own->again = FOLLOW_NOT_AGAIN;
    if (!claim->differs)
        leave(settle, follow);
    else if (++claim->rounds >= ROUNDS)
        accuse(settle, follow, "it proves nothing, and serves other entries now than it did");
}

static void entries_serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct follow_claim *claim = &own->claim;
    if (own->again == FOLLOW_NOT_AGAIN && (own->again_wanted || own->suspect.active))
        return; /* that comes first */
    if (own->again == FOLLOW_NOT_AGAIN) {
        if (claim->starts >= STARTS)
            leave(settle, follow);
        else
            entries_read(settle, follow);
        return;
    }
    if (own->again != FOLLOW_CLAIM)
        return;
    thread_lock(&follow->lock);
    struct job *job = seq_take(&follow->again.seq, NULL, NULL);
    thread_unlock(&follow->lock);
    if (job == NULL) {
        if (clock_mono_ms() >= claim->until_ms)
            leave(settle, follow);
        return;
    }
    entries_take(settle, follow, &job->batch);
    plant_job_free(settle->plant, job);
    plant_kick(settle->plant, follow);
}

void claims_serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct follow_claim *claim = &own->claim;
    if (plant_stopping(settle->plant))
        return;
    if (!can_judge(own)) {
        if (claim->step != FOLLOW_CLAIM_NONE)
            interrupt(settle, follow);
        return;
    }
    if (!claim->due && claim->list == NULL && !settle->plant->options.once &&
        clock_mono_ms() >= claim->look_ms)
        claims_due(follow);
    if (claim->list == NULL && claim->due && clock_mono_ms() >= claim->due_ms)
        load(settle, follow);
    if (claim->list == NULL)
        return;
    switch (claim->step) {
    case FOLLOW_CLAIM_NONE:
        proof_ask(settle, follow);
        return;
    case FOLLOW_CLAIM_PROOF:
    case FOLLOW_CLAIM_SINCE:
        proof_serve(settle, follow);
        return;
    case FOLLOW_CLAIM_ENTRY:
        entries_serve(settle, follow);
        return;
    }
}
