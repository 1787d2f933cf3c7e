#include "ingest/mend.h"

#include <stdlib.h>

#include "base/clock.h"
#include "verify/digest.h"

#define STRETCHES_FIRST 16

static void chain(uint8_t chain[32], const struct batch *batch)
{
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct span pieces[] = {span_of(chain, 32), span_of(batch->entries[i].leaf_hash, 32)};
        digest_sha256_pieces(pieces, 2, chain);
    }
}

static struct follow_stretch *stretch_new(struct follow_settle *own, uint64_t begin)
{
    if (own->differ_count == own->differ_cap) {
        size_t cap = own->differ_cap == 0 ? STRETCHES_FIRST : 2 * own->differ_cap;
        struct follow_stretch *list = realloc(own->differ, cap * sizeof(*list));
        if (list == NULL)
            return NULL;
        own->differ = list;
        own->differ_cap = cap;
    }
    must(own->differ != NULL);
    struct follow_stretch *stretch = &own->differ[own->differ_count++];
    *stretch = (struct follow_stretch){.begin = begin, .end = begin};
    return stretch;
}

bool mend_note(struct follow_settle *own, const struct batch *batch, bool differs)
{
    struct follow_stretch *last = own->differ_count == 0 ? NULL : &own->differ[own->differ_count - 1];
    bool full = own->differ_count == LIMIT_STRETCHES;
    if (!differs && !full)
        return true;
    /* A full list goes on to the end with its last stretch, so that there is none behind it. */
    if (last == NULL || (last->end != batch->begin && !full))
        last = stretch_new(own, batch->begin);
    if (last == NULL)
        return false;
    must(last->end == batch->begin);
    chain(last->chain, batch);
    last->end = batch->end;
    return true;
}

void mend_forget(struct follow_settle *own)
{
    free(own->differ);
    own->differ = NULL;
    own->differ_count = 0;
    own->differ_cap = 0;
}

uint64_t mend_entries(const struct follow_settle *own)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < own->differ_count; i++)
        sum += own->differ[i].end - own->differ[i].begin;
    return sum;
}

static void stretch_read(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    const struct follow_stretch *stretch = &own->differ[own->mend_at];
    own->mend_next = stretch->begin;
    memset(own->mend_chain, 0, sizeof(own->mend_chain));
    thread_lock(&follow->lock);
    lane_stop(&follow->again);
    thread_unlock(&follow->lock);
    plant_lane_drop(settle->plant, follow, &follow->again);
    thread_lock(&follow->lock);
    lane_start(&follow->again, stretch->begin, stretch->end);
    follow->again.fresh = true;
    follow->again.stage = settle->plant->options.stage.run != NULL;
    thread_unlock(&follow->lock);
    plant_wake(settle->plant);
}

enum mend_state mend_begin(struct settle *settle, struct follow *follow, struct err *why)
{
    struct follow_settle *own = &follow->settle;
    const struct pipe_options *options = &settle->plant->options;
    must(own->mend_store == NULL && own->differ_count != 0);
    if (settle->mends >= LIMIT_MENDS)
        return MEND_BUSY;
    if (options->store_open(options->store_arg, &own->mend_store, why) != ERR_OK)
        return MEND_FAILED;
    settle->mends++;
    enum err_code code = own->mend_store->ops->repair_begin(own->mend_store, &own->range, why);
    if (code != ERR_OK) {
        mend_close(settle, follow);
        return code == ERR_DB_LATER ? MEND_LATER : MEND_FAILED;
    }
    own->mend_at = 0;
    own->mend_changed = 0;
    stretch_read(settle, follow);
    return MEND_GOES_ON;
}

static enum mend_state end(struct settle *settle, struct follow *follow, struct err *why)
{
    struct follow_settle *own = &follow->settle;
    struct store_settle row = {.range = &own->range,
                               .next = own->range.next,
                               .frontier = &own->again_compact,
                               .has_verified = true,
                               .verified = &own->again_verified,
                               .verified_head = own->again_head->head};
    must(own->again_compact.size == own->range.next);
    if (own->mend_store->ops->repair_end(own->mend_store, &row, true, why) != ERR_OK)
        return MEND_FAILED;
    own->range.frontier = own->again_compact;
    own->range.verified = own->again_verified.size;
    own->range.verified_frontier = own->again_verified;
    own->mend_store->ops->free(own->mend_store);
    own->mend_store = NULL;
    settle->mends--;
    return MEND_DONE;
}

enum mend_state mend_step(struct settle *settle, struct follow *follow, struct batch *batch, struct err *why)
{
    struct follow_settle *own = &follow->settle;
    const struct follow_stretch *stretch = &own->differ[own->mend_at];
    uint64_t changed = 0;
    must(batch->begin == own->mend_next && batch->end <= stretch->end);
    chain(own->mend_chain, batch);
    own->mend_next = batch->end;
    if (own->mend_next == stretch->end && memcmp(own->mend_chain, stretch->chain, 32) != 0)
        return MEND_WRONG;
    if (own->mend_store->ops->repair(own->mend_store, batch, &changed, why) != ERR_OK)
        return MEND_FAILED;
    own->mend_changed += changed;
    if (own->mend_next < stretch->end)
        return MEND_GOES_ON;
    if (++own->mend_at == own->differ_count)
        return end(settle, follow, why);
    stretch_read(settle, follow);
    return MEND_GOES_ON;
}

void mend_close(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct store_settle row = {
        .range = &own->range, .next = own->range.next, .frontier = &own->range.frontier};
    if (own->mend_store == NULL)
        return;
    (void)own->mend_store->ops->repair_end(own->mend_store, &row, false, NULL);
    own->mend_store->ops->free(own->mend_store);
    own->mend_store = NULL;
    settle->mends--;
}
