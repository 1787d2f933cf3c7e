#include "ingest/issuers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/rate.h"
#include "base/thread.h"
#include "verify/digest.h"

#define BUCKETS    4096
#define NONE       UINT32_MAX
#define RETRY_MIN  500
#define RETRY_MAX  60000
#define MEMBERS_MS INT64_C(86400000)

enum state { FREE, LOOKUP, LOOKING, FETCH, FETCHING, KNOWN, ABSENT };

struct slot {
    enum state state;
    bool unsaved;
    bool hint;      /* nobody waits for it */
    bool untold;    /* ABSENT, and the settler has not heard of it */
    bool forgotten; /* under way for a log that was removed meanwhile */
    int32_t log_id;
    uint8_t sha256[32];
    uint32_t next; /* of the bucket's chain, or of the free list */
    unsigned tries;
    int64_t due_ms;   /* FETCH, unsaved: not before; ABSENT: until */
    int64_t asked_ms; /* when it became clear that only the log can have it */
    uint8_t *der;
    size_t len;
};

/* Of one log (of several when there are more than the table is long, which costs them speed only). */
struct tally {
    unsigned open;    /* slots from LOOKUP to FETCHING */
    unsigned pending; /* slots in LOOKUP or FETCH, or unsaved: 0 lets everybody skip the scan */
    unsigned members; /* of chains, not the first ones, taken up since */
    int64_t members_ms;
};

struct issuers {
    struct lock lock;
    struct slot slot[LIMIT_ISSUERS];
    uint32_t bucket[BUCKETS];
    uint32_t free;
    size_t bytes;
    size_t hand; /* where the search for room goes on */
    struct tally tally[LIMIT_LOGS];
    atomic_uint_fast64_t turn;
};

struct issuers *issuers_new(void)
{
    struct issuers *issuers = calloc(1, sizeof(*issuers));
    if (issuers == NULL)
        return NULL;
    thread_lock_init(&issuers->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        issuers->bucket[i] = NONE;
    for (uint32_t i = 0; i < LIMIT_ISSUERS; i++)
        issuers->slot[i].next = i + 1 < LIMIT_ISSUERS ? i + 1 : NONE;
    atomic_init(&issuers->turn, 1);
    return issuers;
}

void issuers_free(struct issuers *issuers)
{
    if (issuers == NULL)
        return;
    for (size_t i = 0; i < LIMIT_ISSUERS; i++)
        free(issuers->slot[i].der);
    thread_lock_fini(&issuers->lock);
    free(issuers);
}

static uint32_t *bucket_of(struct issuers *issuers, const uint8_t sha256[32])
{
    return &issuers->bucket[hash_keyed(span_of(sha256, 32)) % BUCKETS];
}

static struct tally *tally_of(struct issuers *issuers, int32_t log_id)
{
    return &issuers->tally[(uint32_t)log_id % LIMIT_LOGS];
}

static bool is_open(const struct slot *slot)
{
    return slot->state >= LOOKUP && slot->state <= FETCHING;
}

static bool is_pending(const struct slot *slot)
{
    return slot->state == LOOKUP || slot->state == FETCH || slot->unsaved || slot->untold;
}

/* Every change of a slot that concerns the tallies lies between these two. */
static void tally_out(struct issuers *issuers, const struct slot *slot)
{
    struct tally *tally = tally_of(issuers, slot->log_id);
    tally->open -= is_open(slot);
    tally->pending -= is_pending(slot);
}

static void tally_in(struct issuers *issuers, const struct slot *slot)
{
    struct tally *tally = tally_of(issuers, slot->log_id);
    tally->open += is_open(slot);
    tally->pending += is_pending(slot);
}

static void slot_turn(struct issuers *issuers, struct slot *slot, enum state state)
{
    tally_out(issuers, slot);
    slot->state = state;
    slot->untold = slot->untold && state == ABSENT;
    tally_in(issuers, slot);
}

static void slot_drop(struct issuers *issuers, uint32_t at)
{
    struct slot *slot = &issuers->slot[at];
    uint32_t *place = bucket_of(issuers, slot->sha256);
    while (*place != at)
        place = &issuers->slot[*place].next;
    *place = slot->next;
    tally_out(issuers, slot);
    issuers->bytes -= slot->len;
    free(slot->der);
    *slot = (struct slot){.state = FREE, .next = issuers->free};
    issuers->free = at;
}

/* Takes out one that can be had again; false: none can go. */
static bool slot_evict(struct issuers *issuers)
{
    for (size_t i = 0; i < LIMIT_ISSUERS; i++) {
        issuers->hand = (issuers->hand + 1) % LIMIT_ISSUERS;
        const struct slot *slot = &issuers->slot[issuers->hand];
        if (slot->state == ABSENT || (slot->state == KNOWN && !slot->unsaved)) {
            slot_drop(issuers, (uint32_t)issuers->hand);
            return true;
        }
    }
    return false;
}

/* A certificate known from any log serves all; what is missing is missing in one log. */
static struct slot *slot_find(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32])
{
    struct slot *mine = NULL;
    for (uint32_t at = *bucket_of(issuers, sha256); at != NONE; at = issuers->slot[at].next) {
        struct slot *slot = &issuers->slot[at];
        if (memcmp(slot->sha256, sha256, 32) != 0)
            continue;
        if (slot->state == KNOWN)
            return slot;
        if (slot->log_id == log_id)
            mine = slot;
    }
    return mine;
}

/* The caller sees to it that one is free, and to the tallies. */
static struct slot *slot_add(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32],
                             enum state state)
{
    uint32_t at = issuers->free;
    struct slot *slot = &issuers->slot[at];
    issuers->free = slot->next;
    uint32_t *bucket = bucket_of(issuers, sha256);
    *slot = (struct slot){.state = state, .log_id = log_id, .next = *bucket};
    memcpy(slot->sha256, sha256, 32);
    *bucket = at;
    return slot;
}

/* False: the table is full of what others look for. */
static bool slot_want(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32])
{
    if (issuers->free == NONE && !slot_evict(issuers))
        return false;
    tally_in(issuers, slot_add(issuers, log_id, sha256, LOOKUP));
    return true;
}

/* Certificates behind the first one cost a log nothing to make up: so many a day. */
static bool member_may(struct issuers *issuers, int32_t log_id, int64_t now_ms)
{
    struct tally *tally = tally_of(issuers, log_id);
    if (tally->members_ms == 0 || now_ms - tally->members_ms > MEMBERS_MS) {
        tally->members = 0;
        tally->members_ms = now_ms;
    }
    if (tally->open >= LIMIT_ISSUERS_OPEN / 2 || tally->pending >= LIMIT_ISSUERS_OPEN / 2 ||
        tally->members >= LIMIT_CHAIN_MEMBERS)
        return false;
    tally->members++;
    return true;
}

static void slot_absent(struct issuers *issuers, struct slot *slot, int64_t now_ms)
{
    tally_out(issuers, slot);
    slot->state = ABSENT;
    slot->untold = true;
    tally_in(issuers, slot);
    slot->due_ms = now_ms + ISSUERS_ABSENT_MS;
    atomic_fetch_add(&issuers->turn, 1);
}

/* What is known of a certificate that is not there. Nothing here may make a batch wait without end: what a
 * log can not be made to say in ISSUERS_WAIT_MS is absent, and so is what the table has no room for. */
static enum issuers_answer slot_missing(struct issuers *issuers, struct slot *slot, int32_t log_id,
                                        const uint8_t sha256[32], int64_t now_ms)
{
    bool room = tally_of(issuers, log_id)->open < LIMIT_ISSUERS_OPEN;
    if (slot == NULL)
        return !room || slot_want(issuers, log_id, sha256) ? ISSUERS_WAIT : ISSUERS_ABSENT;
    if (slot->state == FETCH && now_ms - slot->asked_ms > ISSUERS_WAIT_MS)
        slot_absent(issuers, slot, now_ms);
    if (slot->state != ABSENT)
        return slot->state == FETCHING && now_ms - slot->asked_ms > ISSUERS_WAIT_MS ? ISSUERS_ABSENT
                                                                                    : ISSUERS_WAIT;
    if (now_ms < slot->due_ms || !room)
        return ISSUERS_ABSENT;
    slot_turn(issuers, slot, FETCH);
    slot->tries = 0;
    slot->due_ms = 0;
    slot->asked_ms = now_ms;
    return ISSUERS_WAIT;
}

enum issuers_answer issuers_get(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32],
                                struct arena *arena, struct span *der)
{
    enum issuers_answer answer = ISSUERS_KNOWN;
    *der = SPAN_NONE;
    thread_lock(&issuers->lock);
    struct slot *slot = slot_find(issuers, log_id, sha256);
    if (slot != NULL)
        slot->hint = false;
    if (slot != NULL && slot->state == KNOWN)
        *der = arena_copy(arena, span_of(slot->der, slot->len));
    else
        answer = slot_missing(issuers, slot, log_id, sha256, clock_mono_ms());
    thread_unlock(&issuers->lock);
    return answer;
}

/* With the lock held: room in the table and for the bytes, if need be in place of what can be had again. */
static bool room_for(struct issuers *issuers, int32_t log_id, size_t len)
{
    if (tally_of(issuers, log_id)->pending >= LIMIT_ISSUERS_OPEN)
        return false;
    while (issuers->free == NONE || issuers->bytes + len > LIMIT_ISSUER_CACHE_BYTES)
        if (!slot_evict(issuers))
            return false;
    return true;
}

bool issuers_hint(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32])
{
    int64_t now_ms = clock_mono_ms();
    thread_lock(&issuers->lock);
    struct slot *slot = slot_find(issuers, log_id, sha256);
    bool known = slot != NULL && slot->state == KNOWN;
    bool due = slot == NULL || (slot->state == ABSENT && now_ms >= slot->due_ms);
    if (due && member_may(issuers, log_id, now_ms) &&
        slot_missing(issuers, slot, log_id, sha256, now_ms) == ISSUERS_WAIT)
        slot_find(issuers, log_id, sha256)->hint = true;
    thread_unlock(&issuers->lock);
    return known;
}

bool issuers_busy(struct issuers *issuers, int32_t log_id)
{
    thread_lock(&issuers->lock);
    const struct tally *tally = tally_of(issuers, log_id);
    bool busy = tally->open != 0 || tally->pending != 0;
    thread_unlock(&issuers->lock);
    return busy;
}

bool issuers_offer(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32], struct span der,
                   bool first)
{
    uint8_t *copy = NULL;
    thread_lock(&issuers->lock);
    struct slot *slot = slot_find(issuers, log_id, sha256);
    bool known = slot != NULL && slot->state == KNOWN;
    bool taken = !known && der.len != 0 && der.len <= LIMIT_ISSUER_BYTES &&
                 (first || member_may(issuers, log_id, clock_mono_ms())) &&
                 room_for(issuers, log_id, der.len);
    if (taken)
        copy = malloc(der.len);
    taken = copy != NULL;
    if (taken) {
        memcpy(copy, der.at, der.len);
        slot = slot_add(issuers, log_id, sha256, KNOWN);
        slot->der = copy;
        slot->len = der.len;
        slot->unsaved = true;
        slot->due_ms = 0;
        slot->tries = 0;
        tally_in(issuers, slot);
        issuers->bytes += der.len;
    }
    thread_unlock(&issuers->lock);
    if (taken)
        atomic_fetch_add(&issuers->turn, 1);
    return known || taken;
}

uint64_t issuers_turn(struct issuers *issuers)
{
    return atomic_load(&issuers->turn);
}

static bool take(struct issuers *issuers, int32_t log_id, int64_t now_ms, enum state from,
                 struct issuers_want *want)
{
    struct slot *found = NULL;
    thread_lock(&issuers->lock);
    bool any = tally_of(issuers, log_id)->pending != 0;
    /* Those that somebody waits for go first. */
    for (size_t i = 0; any && (found == NULL || found->hint) && i < LIMIT_ISSUERS; i++) {
        struct slot *slot = &issuers->slot[i];
        if (slot->state == from && slot->log_id == log_id && slot->due_ms <= now_ms &&
            (found == NULL || !slot->hint))
            found = slot;
    }
    if (found != NULL) {
        slot_turn(issuers, found, from == LOOKUP ? LOOKING : FETCHING);
        *want = (struct issuers_want){
            .slot = (size_t)(found - issuers->slot), .log_id = log_id, .tries = found->tries};
        memcpy(want->sha256, found->sha256, 32);
    }
    thread_unlock(&issuers->lock);
    return found != NULL;
}

bool issuers_lookup(struct issuers *issuers, int32_t log_id, struct issuers_want *want)
{
    return take(issuers, log_id, 0, LOOKUP, want);
}

bool issuers_fetch(struct issuers *issuers, int32_t log_id, int64_t now_ms, struct issuers_want *want)
{
    return take(issuers, log_id, now_ms, FETCH, want);
}

bool issuers_found(struct issuers *issuers, const struct issuers_want *want, struct span der, bool from_store)
{
    uint8_t sha256[32];
    digest_sha256(der, sha256);
    if (der.len == 0 || der.len > LIMIT_ISSUER_BYTES || memcmp(sha256, want->sha256, 32) != 0)
        return false;
    uint8_t *copy = malloc(der.len);
    if (copy == NULL)
        return false;
    memcpy(copy, der.at, der.len);
    thread_lock(&issuers->lock);
    while (issuers->bytes + der.len > LIMIT_ISSUER_CACHE_BYTES && slot_evict(issuers))
        ;
    struct slot *slot = &issuers->slot[want->slot];
    must(slot->state == LOOKING || slot->state == FETCHING);
    tally_out(issuers, slot);
    slot->state = KNOWN;
    slot->der = copy;
    slot->len = der.len;
    slot->unsaved = !from_store && !slot->forgotten; /* no settler serves a log that is gone */
    slot->due_ms = 0;
    slot->tries = 0;
    tally_in(issuers, slot);
    issuers->bytes += der.len;
    thread_unlock(&issuers->lock);
    atomic_fetch_add(&issuers->turn, 1);
    return true;
}

void issuers_not_stored(struct issuers *issuers, const struct issuers_want *want)
{
    thread_lock(&issuers->lock);
    struct slot *slot = &issuers->slot[want->slot];
    must(slot->state == LOOKING);
    slot_turn(issuers, slot, FETCH);
    slot->asked_ms = clock_mono_ms();
    if (slot->forgotten)
        slot_drop(issuers, (uint32_t)want->slot);
    thread_unlock(&issuers->lock);
}

void issuers_failed(struct issuers *issuers, const struct issuers_want *want, bool for_good, int64_t now_ms)
{
    thread_lock(&issuers->lock);
    struct slot *slot = &issuers->slot[want->slot];
    must(slot->state == FETCHING);
    slot->tries++;
    if (slot->forgotten) {
        slot_drop(issuers, (uint32_t)want->slot);
    } else if (for_good || slot->tries >= ISSUERS_TRIES) {
        slot_absent(issuers, slot, now_ms);
    } else {
        struct rate_backoff backoff;
        rate_backoff_init(&backoff, RETRY_MIN << slot->tries, RETRY_MAX, (uint64_t)now_ms);
        slot_turn(issuers, slot, FETCH);
        slot->due_ms = now_ms + rate_backoff_next(&backoff);
    }
    thread_unlock(&issuers->lock);
}

bool issuers_unsaved(struct issuers *issuers, int32_t log_id, struct arena *arena, struct issuers_want *want,
                     struct span *der)
{
    bool found = false;
    int64_t now_ms = clock_mono_ms();
    thread_lock(&issuers->lock);
    bool any = tally_of(issuers, log_id)->pending != 0;
    for (size_t i = 0; any && !found && i < LIMIT_ISSUERS; i++) {
        struct slot *slot = &issuers->slot[i];
        if (!slot->unsaved || slot->log_id != log_id || now_ms < slot->due_ms)
            continue;
        found = true;
        *want = (struct issuers_want){.slot = i, .log_id = log_id, .tries = slot->tries};
        memcpy(want->sha256, slot->sha256, 32);
        *der = arena_copy(arena, span_of(slot->der, slot->len));
    }
    thread_unlock(&issuers->lock);
    return found && der->at != NULL;
}

void issuers_saved(struct issuers *issuers, const struct issuers_want *want)
{
    thread_lock(&issuers->lock);
    struct slot *slot = &issuers->slot[want->slot];
    if (slot->unsaved && memcmp(slot->sha256, want->sha256, 32) == 0) {
        tally_out(issuers, slot);
        slot->unsaved = false;
        tally_in(issuers, slot);
    }
    thread_unlock(&issuers->lock);
}

void issuers_refused(struct issuers *issuers, const struct issuers_want *want, int64_t now_ms)
{
    thread_lock(&issuers->lock);
    struct slot *slot = &issuers->slot[want->slot];
    if (slot->unsaved && memcmp(slot->sha256, want->sha256, 32) == 0) {
        slot->due_ms = now_ms + ISSUERS_REFUSED_MS;
        slot->tries++;
    }
    thread_unlock(&issuers->lock);
}

bool issuers_untold(struct issuers *issuers, int32_t log_id, struct issuers_want *want, int64_t *absent_ms)
{
    bool found = false;
    thread_lock(&issuers->lock);
    bool any = tally_of(issuers, log_id)->pending != 0;
    for (size_t i = 0; any && !found && i < LIMIT_ISSUERS; i++) {
        struct slot *slot = &issuers->slot[i];
        if (!slot->untold || slot->log_id != log_id)
            continue;
        found = true;
        tally_out(issuers, slot);
        slot->untold = false;
        tally_in(issuers, slot);
        *want = (struct issuers_want){.slot = i, .log_id = log_id};
        memcpy(want->sha256, slot->sha256, 32);
        *absent_ms = slot->due_ms - clock_mono_ms();
    }
    thread_unlock(&issuers->lock);
    return found;
}

void issuers_remember(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32], int64_t absent_ms)
{
    int64_t now_ms = clock_mono_ms();
    thread_lock(&issuers->lock);
    struct slot *slot = slot_find(issuers, log_id, sha256);
    bool room = tally_of(issuers, log_id)->open < LIMIT_ISSUERS_OPEN / 2 && issuers->free != NONE;
    if (slot == NULL && (room || (absent_ms > 0 && issuers->free != NONE))) {
        slot = slot_add(issuers, log_id, sha256, absent_ms > 0 ? ABSENT : LOOKUP);
        slot->due_ms = absent_ms > 0 ? now_ms + absent_ms : 0;
        slot->hint = true;
        tally_in(issuers, slot);
    } else if (slot != NULL && slot->state == ABSENT && absent_ms <= 0 && now_ms >= slot->due_ms && room) {
        slot_turn(issuers, slot, LOOKUP);
        slot->tries = 0;
        slot->due_ms = 0;
        slot->hint = true;
    }
    thread_unlock(&issuers->lock);
}

void issuers_forget(struct issuers *issuers, int32_t log_id)
{
    thread_lock(&issuers->lock);
    for (uint32_t i = 0; i < LIMIT_ISSUERS; i++) {
        struct slot *slot = &issuers->slot[i];
        if (slot->state == FREE || slot->log_id != log_id)
            continue;
        if (slot->state == LOOKUP || slot->state == FETCH || slot->state == ABSENT)
            slot_drop(issuers, i);
        else if (slot->state == LOOKING || slot->state == FETCHING)
            slot->forgotten = true;
        else if (slot->unsaved) {
            tally_out(issuers, slot);
            slot->unsaved = false;
            tally_in(issuers, slot);
        }
    }
    atomic_fetch_add(&issuers->turn, 1);
    thread_unlock(&issuers->lock);
}
