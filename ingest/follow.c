#include "ingest/follow.h"

#include <stdlib.h>

#include "base/hash.h"

#define BACKOFF_MS_MIN 500
#define BACKOFF_MS_MAX 60000
#define AGAIN_MS_MIN   INT64_C(15000)
#define AGAIN_MS_MAX   INT64_C(300000)
#define CLAIM_MS_MIN   INT64_C(30000)
#define CLAIM_MS_MAX   INT64_C(3600000)

static void backoffs_init(struct follow *follow)
{
    uint64_t seed;
    hash_random(&seed, sizeof(seed));
    rate_backoff_init(&follow->fetch.backoff, BACKOFF_MS_MIN, BACKOFF_MS_MAX, seed);
    rate_backoff_init(&follow->fetch.head_backoff, BACKOFF_MS_MIN, BACKOFF_MS_MAX, seed + 1);
    rate_backoff_init(&follow->settle.claim.backoff, CLAIM_MS_MIN, CLAIM_MS_MAX, seed + 3);
    rate_backoff_init(&follow->settle.again_backoff, AGAIN_MS_MIN, AGAIN_MS_MAX, seed + 2);
}

struct follow *follow_new(const struct ctlog *log, const struct proto *proto, unsigned page_entries)
{
    struct follow *follow = calloc(1, sizeof(*follow));
    if (follow == NULL)
        return NULL;
    follow->magic = FOLLOW_MAGIC;
    follow->log = *log;
    follow->proto = proto;
    follow->tile = proto_tile(log->protocol);
    follow->settle.target = UINT64_MAX;
    atomic_init(&follow->yield, TURN_YIELD_ALL);
    thread_lock_init(&follow->lock);
    buf_init(&follow->fetch.aux_answers, LIMIT_ANSWERS_BYTES);
    plan_init(&follow->plan, proto->tiles, page_entries);
    backoffs_init(follow);
    bool made = lane_init(&follow->read);
    made = lane_init(&follow->again) && made;
    made = arena_init(&follow->fetch.head_arena, 2 * LIMIT_SMALL_BYTES) && made;
    made = arena_init(&follow->fetch.aux_arena, LIMIT_JSON_BYTES) && made;
    made = arena_init(&follow->fetch.tile_arena, 2 * LIMIT_ISSUER_BYTES) && made;
    if (!made) {
        follow_free(follow);
        return NULL;
    }
    return follow;
}

void follow_free(struct follow *follow)
{
    if (follow == NULL)
        return;
    must(follow->magic == FOLLOW_MAGIC);
    must(follow->read.outstanding == 0 && follow->again.outstanding == 0);
    lane_fini(&follow->read);
    lane_fini(&follow->again);
    arena_fini(&follow->fetch.head_arena);
    arena_fini(&follow->fetch.aux_arena);
    arena_fini(&follow->fetch.tile_arena);
    follow_heads_free(&follow->heads_new);
    follow_head_free(follow->forged);
    follow_heads_free(&follow->settle.heads);
    follow_heads_free(&follow->settle.again_heads);
    follow_head_free(follow->settle.again_head);
    must(follow->settle.mend_store == NULL);
    free(follow->settle.differ);
    follow_heads_free(&follow->settle.claim.list);
    leafkeep_clear(&follow->settle.claim.leaves);
    refute_free(follow->settle.claim.refute);
    free(follow->settle.claim.answers);
    leafkeep_clear(&follow->settle.again_leaves);
    buf_fini(&follow->fetch.aux_answers);
    free(follow->frontier_answers);
    follow_head_free(follow->settle.suspect.head);
    follow_head_free(follow->settle.bridge);
    follow_head_free(follow->settle.again_unequal);
    thread_lock_fini(&follow->lock);
    free(follow);
}

struct follow_head *follow_head_new(const struct head *head)
{
    struct follow_head *copy = malloc(sizeof(*copy) + head->raw.len);
    if (copy == NULL)
        return NULL;
    copy->link = NULL;
    copy->head = *head;
    if (head->raw.len != 0)
        memcpy(copy->raw, head->raw.at, head->raw.len);
    copy->head.raw = head->raw.len != 0 ? span_of(copy->raw, head->raw.len) : SPAN_NONE;
    return copy;
}

void follow_head_free(struct follow_head *head)
{
    free(head);
}

void follow_heads_free(struct follow_head **list)
{
    while (*list != NULL) {
        struct follow_head *head = *list;
        *list = head->link;
        free(head);
    }
}
