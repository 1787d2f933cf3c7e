#include "ingest/issuers.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/rate.h"
#include "base/thread.h"
#include "verify/digest.h"

#define BUCKETS   4096
#define NONE      UINT32_MAX
#define RETRY_MIN 500
#define RETRY_MAX 60000

enum state { FREE, LOOKUP, LOOKING, FETCH, FETCHING, KNOWN, ABSENT };

struct slot {
    enum state state;
    bool unsaved;
    int32_t log_id;
    uint8_t sha256[32];
    uint32_t next; /* of the bucket's chain, or of the free list */
    unsigned tries;
    int64_t due_ms; /* FETCH: not before; ABSENT: until */
    uint8_t *der;
    size_t len;
};

struct issuers {
    struct lock lock;
    struct slot slot[LIMIT_ISSUERS];
    uint32_t bucket[BUCKETS];
    uint32_t free;
    size_t bytes;
    size_t hand;    /* where the search for room goes on */
    size_t pending; /* slots in LOOKUP or FETCH, or unsaved: 0 lets everybody skip the scan */
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

static void slot_drop(struct issuers *issuers, uint32_t at)
{
    struct slot *slot = &issuers->slot[at];
    uint32_t *place = bucket_of(issuers, slot->sha256);
    while (*place != at)
        place = &issuers->slot[*place].next;
    *place = slot->next;
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

static void slot_want(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32])
{
    if (issuers->free == NONE && !slot_evict(issuers))
        return;
    uint32_t at = issuers->free;
    struct slot *slot = &issuers->slot[at];
    issuers->free = slot->next;
    uint32_t *bucket = bucket_of(issuers, sha256);
    *slot = (struct slot){.state = LOOKUP, .log_id = log_id, .next = *bucket};
    memcpy(slot->sha256, sha256, 32);
    *bucket = at;
    issuers->pending++;
}

enum issuers_answer issuers_get(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32],
                                struct arena *arena, struct span *der)
{
    enum issuers_answer answer = ISSUERS_WAIT;
    *der = SPAN_NONE;
    thread_lock(&issuers->lock);
    struct slot *slot = slot_find(issuers, log_id, sha256);
    if (slot == NULL) {
        slot_want(issuers, log_id, sha256);
    } else if (slot->state == KNOWN) {
        answer = ISSUERS_KNOWN;
        *der = arena_copy(arena, span_of(slot->der, slot->len));
    } else if (slot->state == ABSENT && clock_mono_ms() < slot->due_ms) {
        answer = ISSUERS_ABSENT;
    } else if (slot->state == ABSENT) {
        slot->state = FETCH;
        slot->tries = 0;
        slot->due_ms = 0;
        issuers->pending++;
    }
    thread_unlock(&issuers->lock);
    return answer;
}

uint64_t issuers_turn(struct issuers *issuers)
{
    return atomic_load(&issuers->turn);
}

static bool take(struct issuers *issuers, int32_t log_id, int64_t now_ms, enum state from,
                 struct issuers_want *want)
{
    bool found = false;
    thread_lock(&issuers->lock);
    for (size_t i = 0; issuers->pending != 0 && !found && i < LIMIT_ISSUERS; i++) {
        struct slot *slot = &issuers->slot[i];
        if (slot->state != from || slot->log_id != log_id || slot->due_ms > now_ms)
            continue;
        found = true;
        slot->state = from == LOOKUP ? LOOKING : FETCHING;
        issuers->pending--;
        *want = (struct issuers_want){.slot = i, .log_id = log_id, .tries = slot->tries};
        memcpy(want->sha256, slot->sha256, 32);
    }
    thread_unlock(&issuers->lock);
    return found;
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
    slot->state = KNOWN;
    slot->der = copy;
    slot->len = der.len;
    slot->unsaved = !from_store;
    issuers->bytes += der.len;
    if (slot->unsaved)
        issuers->pending++;
    thread_unlock(&issuers->lock);
    atomic_fetch_add(&issuers->turn, 1);
    return true;
}

void issuers_not_stored(struct issuers *issuers, const struct issuers_want *want)
{
    thread_lock(&issuers->lock);
    struct slot *slot = &issuers->slot[want->slot];
    must(slot->state == LOOKING);
    slot->state = FETCH;
    issuers->pending++;
    thread_unlock(&issuers->lock);
}

void issuers_failed(struct issuers *issuers, const struct issuers_want *want, bool for_good, int64_t now_ms)
{
    thread_lock(&issuers->lock);
    struct slot *slot = &issuers->slot[want->slot];
    must(slot->state == FETCHING);
    slot->tries++;
    if (for_good || slot->tries >= ISSUERS_TRIES) {
        slot->state = ABSENT;
        slot->due_ms = now_ms + ISSUERS_ABSENT_MS;
        atomic_fetch_add(&issuers->turn, 1);
    } else {
        struct rate_backoff backoff;
        rate_backoff_init(&backoff, RETRY_MIN << slot->tries, RETRY_MAX, (uint64_t)now_ms);
        slot->state = FETCH;
        slot->due_ms = now_ms + rate_backoff_next(&backoff);
        issuers->pending++;
    }
    thread_unlock(&issuers->lock);
}

bool issuers_unsaved(struct issuers *issuers, int32_t log_id, struct arena *arena, struct issuers_want *want,
                     struct span *der)
{
    bool found = false;
    thread_lock(&issuers->lock);
    for (size_t i = 0; issuers->pending != 0 && !found && i < LIMIT_ISSUERS; i++) {
        struct slot *slot = &issuers->slot[i];
        if (!slot->unsaved || slot->log_id != log_id)
            continue;
        found = true;
        *want = (struct issuers_want){.slot = i, .log_id = log_id};
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
    must(slot->unsaved);
    slot->unsaved = false;
    issuers->pending--;
    thread_unlock(&issuers->lock);
}
