#include "ingest/tilepart.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/say.h"
#include "ingest/evidence.h"
#include "verify/merkle.h"

/* What the tile of level 0 has of the entries of the batch; absent: not known. With the lock held. */
static struct span hashes_of(const struct follow *follow, const struct batch *batch, char path[TILE_PATH_MAX])
{
    struct span tile = tilecheck_part(&follow->tiles, batch->begin / TILE_WIDTH, path);
    size_t at = 32 * (size_t)(batch->begin % TILE_WIDTH);
    size_t len = 32 * batch->entry_count;
    return tile.len < at + len ? SPAN_NONE : span_part(tile, at, at + len);
}

static bool same(const struct batch *batch, size_t i, const uint8_t *hashes)
{
    return memcmp(batch->entries[i].leaf_hash, hashes + 32 * i, 32) == 0;
}

static bool all_same(const struct batch *batch, const uint8_t *hashes)
{
    size_t i = 0;
    while (i < batch->entry_count && same(batch, i, hashes))
        i++;
    return i == batch->entry_count;
}

enum tilewatch_pass tilepart_look(struct job *job)
{
    struct follow *follow = job->follow;
    char path[TILE_PATH_MAX];
    thread_lock(&follow->lock);
    bool waits = tilecheck_part_waits(&follow->tiles, job->begin / TILE_WIDTH, clock_mono_ms());
    struct span hashes = hashes_of(follow, &job->batch, path);
    bool differs = !waits && hashes.len != 0 && !all_same(&job->batch, hashes.at);
    thread_unlock(&follow->lock);
    if (waits)
        return TILEWATCH_WAIT;
    job->tile_seen = true;
    job->tile_bad = differs;
    return TILEWATCH_PASS;
}

/* Settler ---------------------------------------------------------------------------------------- */

struct part {
    const struct batch *batch;
    uint8_t tile[TILE_WIDTH][32]; /* own copy: the slot may be used anew */
    struct span tile_bytes;
    const uint8_t *hashes; /* in it, of the entries */
    char data_path[TILE_PATH_MAX];
    char hash_path[TILE_PATH_MAX];
    const struct head *head; /* signed, of the tree that ends with the entries; NULL: none */
    bool tile_fits;          /* the hash tile gives its root, */
    bool entries_fit;        /* or the entries do */
};

static bool part_load(struct follow *follow, const struct job *job, struct part *part)
{
    const struct batch *batch = &job->batch;
    part->batch = batch;
    thread_lock(&follow->lock);
    bool known = hashes_of(follow, batch, part->hash_path).len != 0;
    if (known) {
        struct span tile = tilecheck_part(&follow->tiles, batch->begin / TILE_WIDTH, part->hash_path);
        memcpy(part->tile, tile.at, tile.len);
        part->tile_bytes = span_of(part->tile, tile.len);
        part->hashes = part->tile[batch->begin % TILE_WIDTH];
    }
    thread_unlock(&follow->lock);
    tile_path(-1, batch->begin / TILE_WIDTH, job->width, part->data_path);
    return known;
}

static bool gives(const struct compact *before, uint8_t (*hash)[32], size_t count, const struct head *head)
{
    struct compact tree = *before;
    uint8_t root[32];
    merkle_append_many(&tree, hash, count);
    merkle_root(&tree, root);
    return memcmp(root, head->root, 32) == 0;
}

/* Which of the two leads to the root that the log signed for the tree that ends here? */
static void part_weigh(const struct follow_settle *own, struct part *part)
{
    const struct batch *batch = part->batch;
    const struct follow_head *at = own->again_heads;
    uint8_t hash[TILE_WIDTH][32];
    while (at != NULL && (at->head.size != batch->end || at->head.raw.len == 0))
        at = at->link;
    if (at == NULL || own->again_compact.size != batch->begin)
        return;
    part->head = &at->head;
    memcpy(hash, part->hashes, 32 * batch->entry_count);
    part->tile_fits = gives(&own->again_compact, hash, batch->entry_count, part->head);
    for (size_t i = 0; i < batch->entry_count; i++)
        memcpy(hash[i], batch->entries[i].leaf_hash, 32);
    part->entries_fit = gives(&own->again_compact, hash, batch->entry_count, part->head);
}

static void sentence_make(const struct part *part, char *out, size_t cap)
{
    const struct batch *batch = part->batch;
    char clause[120] = ", or the hash tile is wrong";
    uint64_t first = batch->end;
    unsigned count = 0;
    for (size_t i = batch->entry_count; i-- > 0;) {
        if (same(batch, i, part->hashes))
            continue;
        first = batch->begin + i;
        count++;
    }
    if (part->tile_fits)
        snprintf(clause, sizeof(clause), "; %s gives the root that the log signed for size %" PRIu64,
                 part->hash_path, part->head->size);
    snprintf(out, cap,
             "%s does not fit %s: %u of entries %" PRIu64 " to %" PRIu64
             " are not those that the log hashed, the first one %" PRIu64 "%s",
             part->data_path, part->hash_path, count, batch->begin, batch->end - 1, first, clause);
}

/* With the tree in front of the entries others can compute as well which of the two is wrong. */
static bool part_keep(struct settle *settle, struct follow *follow, const struct part *part)
{
    const struct follow_settle *own = &follow->settle;
    struct leafkeep leaves = {.any = false};
    struct err why = {.code = ERR_OK};
    char sentence[400];
    sentence_make(part, sentence, sizeof(sentence));
    leafkeep_add(&leaves, part->batch, true);
    struct evidence evidence = {.kind = "bad_tile",
                                .begin = part->batch->begin,
                                .end = part->batch->end,
                                .head = part->head,
                                .frontier = part->head == NULL ? NULL : &own->again_compact,
                                .frontier_from_log =
                                    own->range.begin != 0 && own->range.verified == own->range.begin,
                                .leaves = &leaves,
                                .data_tile = part->data_path,
                                .hash_tile = part->hash_path,
                                .hash_tile_level = 0,
                                .hash_tile_bytes = part->tile_bytes,
                                .sentence = sentence};
    bool kept = evidence_keep(settle, follow, &evidence, &why) == ERR_OK;
    if (!kept)
        say_error(follow->log.name, "evidence: %s", why.text);
    leafkeep_clear(&leaves);
    return kept;
}

bool tilepart_tell(struct settle *settle, struct follow *follow, const struct job *job)
{
    struct part part = {.head = NULL};
    if (!part_load(follow, job, &part))
        return false;
    part_weigh(&follow->settle, &part);
    if (!part.entries_fit) {
        atomic_store(&follow->unverified, true);
        return part_keep(settle, follow, &part);
    }
    say_warn(follow->log.name, "%s is wrong: the entries of %s give the root that the log signed",
             part.hash_path, part.data_path);
    return true;
}
