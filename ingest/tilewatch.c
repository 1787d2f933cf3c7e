#include "ingest/tilewatch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/say.h"
#include "ingest/evidence.h"
#include "ingest/host.h"
#include "ingest/tilenarrow.h"
#include "ingest/tilepart.h"
#include "verify/merkle.h"

/* The second reading of a suspect stretch; of claims.c only the tail of a tree is read with that lane. */
static bool suspect(const struct job *job)
{
    return job->lane == &job->follow->again;
}

/* Fetch loop ------------------------------------------------------------------------------------- */

void tilewatch_plan(struct job *job, int64_t now_ms)
{
    struct follow *follow = job->follow;
    job->has_tile_root = false;
    job->tile_seen = false;
    job->tile_bad = false;
    /* An archive has its own say about each tile (pipe_source). */
    bool whole = job->begin % TILE_WIDTH == 0 && job->end - job->begin == TILE_WIDTH;
    job->tile_due = follow->log.protocol != CTLOG_ARCHIVE && follow->proto->tiles && job->lane->tree == 0 &&
                    (whole || suspect(job));
    job->tile_part = job->tile_due && !whole;
    if (!job->tile_due)
        return;
    uint64_t tile = job->begin / TILE_WIDTH;
    if (job->tile_part) {
        tilecheck_part_want(&follow->tiles, tile, job->tree, now_ms);
        return;
    }
    (void)tilecheck_want(&follow->tiles, tile, follow->head_size, suspect(job), now_ms);
    job->fresh = job->fresh || tilecheck_doubts(&follow->tiles, tile);
}

static void tile_done(void *arg, const struct wire_reply *reply)
{
    struct follow *follow = arg;
    int64_t now_ms = clock_mono_ms();
    host_answer(&follow->fetch.tile_permit, reply, now_ms);
    thread_lock(&follow->lock);
    bool known = reply->code == ERR_OK && tilecheck_came(&follow->tiles, reply->body, now_ms);
    if (reply->code != ERR_OK)
        tilecheck_failed(&follow->tiles, reply->status == 404 || reply->status == 403, now_ms);
    thread_unlock(&follow->lock);
    if (!known)
        say_debug(follow->log.name, "hash tile: %s",
                  reply->code == ERR_OK ? "it is too short" : reply->why.text);
}

static bool wants(struct follow *follow)
{
    bool any = false;
    thread_lock(&follow->lock);
    for (size_t i = 0; i < TILECHECK_SLOTS; i++)
        any = any || follow->tiles.slot[i].state == TILECHECK_WANTED;
    thread_unlock(&follow->lock);
    return any;
}

void tilewatch_run(struct plant *plant, struct follow *follow, int64_t now_ms)
{
    struct follow_fetch *own = &follow->fetch;
    char path[TILE_PATH_MAX];
    char url[PROTO_URL_MAX];
    /* Asking whether the host has time is what makes its budget grow: only when there is something to ask
     * for. */
    if (!follow->proto->tiles || !wants(follow) || host_wait(own->host, false, now_ms) > 0)
        return;
    thread_lock(&follow->lock);
    bool wanted = tilecheck_next(&follow->tiles, path);
    thread_unlock(&follow->lock);
    if (!wanted)
        return;
    proto_url(&follow->log, url, "%s", path);
    arena_reset(&own->tile_arena, 0);
    struct wire_ask ask = {.url = url,
                           .arena = &own->tile_arena,
                           .ceiling = LIMIT_ISSUER_BYTES,
                           .done = tile_done,
                           .arg = follow};
    host_send(own->host, &ask, false, &own->tile_permit, now_ms);
    if (wire_get(plant->wire, &ask, NULL) == ERR_OK)
        return;
    host_unsent(&own->tile_permit);
    thread_lock(&follow->lock);
    tilecheck_failed(&follow->tiles, false, now_ms);
    thread_unlock(&follow->lock);
}

bool tilewatch_ready(const struct job *job, int64_t now_ms)
{
    struct follow *follow = job->follow;
    if (!job->tile_due || job->tile_seen)
        return false;
    thread_lock(&follow->lock);
    uint64_t tile = job->begin / TILE_WIDTH;
    bool waits = job->tile_part ? tilecheck_part_waits(&follow->tiles, tile, now_ms)
                                : tilecheck_waits(&follow->tiles, tile, now_ms);
    thread_unlock(&follow->lock);
    return !waits;
}

/* Worker ----------------------------------------------------------------------------------------- */

static void root_make(struct job *job)
{
    uint8_t node[TILE_WIDTH][32];
    struct compact tile = {.size = 0};
    for (size_t i = 0; i < TILE_WIDTH; i++)
        memcpy(node[i], job->batch.entries[i].leaf_hash, sizeof(node[i]));
    merkle_append_many(&tile, node, TILE_WIDTH);
    merkle_root(&tile, job->tile_root);
    job->has_tile_root = true;
}

enum tilewatch_pass tilewatch_look(struct job *job)
{
    struct follow *follow = job->follow;
    uint64_t tile = job->begin / TILE_WIDTH;
    if (!job->tile_due || job->tile_seen)
        return TILEWATCH_PASS;
    if (job->tile_part)
        return tilepart_look(job);
    if (job->batch.entry_count != TILE_WIDTH)
        return TILEWATCH_PASS;
    if (!job->has_tile_root)
        root_make(job);
    thread_lock(&follow->lock);
    enum tilecheck_answer answer =
        tilecheck_look(&follow->tiles, tile, job->tile_root, job->fresh, clock_mono_ms());
    thread_unlock(&follow->lock);
    if (answer == TILECHECK_WAIT)
        return TILEWATCH_WAIT;
    job->tile_seen = true;
    /* What is read a second time came over a new connection. */
    if (answer == TILECHECK_AGAIN && suspect(job))
        answer = TILECHECK_DIFFERS;
    job->tile_bad = answer == TILECHECK_DIFFERS;
    if (answer != TILECHECK_AGAIN)
        return TILEWATCH_PASS;
    char path[TILE_PATH_MAX];
    tile_path(-1, tile, TILE_WIDTH, path);
    err_set(&job->why, ERR_PROOF, "%s does not fit its hash tile; asking for it again", path);
    return TILEWATCH_AGAIN;
}

/* Settler ---------------------------------------------------------------------------------------- */

/* Which of the tiles is wrong, as far as they came; with the lock held. */
static void narrow(const struct follow *follow, const struct job *job, struct span nodes, char *clause,
                   size_t cap)
{
    uint8_t leaf[TILE_WIDTH][32];
    uint64_t tile = job->begin / TILE_WIDTH;
    for (size_t i = 0; i < TILE_WIDTH; i++)
        memcpy(leaf[i], job->batch.entries[i].leaf_hash, sizeof(leaf[i]));
    struct tilenarrow found =
        tilenarrow_judge(tile, (const uint8_t(*)[32])leaf, tilecheck_leaves(&follow->tiles, tile), nodes,
                         tilecheck_above(&follow->tiles, tile));
    tilenarrow_say(&found, tile, clause, cap);
}

/* False: the store refused it; it is told when the tile is read again. */
static bool tell(struct settle *settle, struct follow *follow, const struct job *job)
{
    struct leafkeep leaves = {.any = false};
    char sentence[640];
    char clause[200] = "";
    uint8_t level0[TILE_WIDTH][32];
    size_t level0_len = 0;
    char data_path[TILE_PATH_MAX];
    char hash_path[TILE_PATH_MAX] = "its hash tile";
    struct err why = {.code = ERR_OK};
    uint64_t tile = job->begin / TILE_WIDTH;
    thread_lock(&follow->lock);
    struct span nodes = tilecheck_nodes(&follow->tiles, tile, hash_path);
    uint8_t *copy = nodes.len == 0 ? NULL : malloc(nodes.len);
    if (copy != NULL)
        memcpy(copy, nodes.at, nodes.len);
    narrow(follow, job, nodes, clause, sizeof(clause));
    struct span beside = tilecheck_leaves(&follow->tiles, tile);
    if (beside.len == sizeof(level0)) {
        memcpy(level0, beside.at, sizeof(level0));
        level0_len = sizeof(level0);
    }
    thread_unlock(&follow->lock);
    tile_path(-1, tile, TILE_WIDTH, data_path);
    snprintf(sentence, sizeof(sentence),
             "%s does not fit %s: entries %" PRIu64 " to %" PRIu64
             " are not those that the log hashed, or the hash tile is wrong%s",
             data_path, hash_path, job->begin, job->end - 1, clause);
    leafkeep_add(&leaves, &job->batch, true);
    struct evidence evidence = {.kind = "bad_tile",
                                .begin = job->begin,
                                .end = job->end,
                                .leaves = &leaves,
                                .data_tile = data_path,
                                .hash_tile = hash_path,
                                .hash_tile_level = 1,
                                .hash_tile_bytes = span_of(copy, copy == NULL ? 0 : nodes.len),
                                .leaf_tile_bytes = span_of(level0, level0_len),
                                .sentence = sentence};
    bool kept = evidence_keep(settle, follow, &evidence, &why) == ERR_OK;
    if (!kept)
        say_error(follow->log.name, "evidence: %s", why.text);
    leafkeep_clear(&leaves);
    free(copy);
    return kept;
}

static bool told(const struct follow_settle *own, uint64_t begin)
{
    for (size_t i = 0; i < own->bad_tiles; i++)
        if (own->bad_tile[i] == begin)
            return true;
    return false;
}

void tilewatch_tell(struct settle *settle, struct follow *follow, struct job *const *jobs, size_t count)
{
    struct follow_settle *own = &follow->settle;
    for (size_t i = 0; i < count; i++) {
        if (!jobs[i]->tile_bad)
            continue;
        if (!jobs[i]->tile_part)
            atomic_store(&follow->unverified, true);
        if (own->bad_tiles_at != own->range.verified)
            own->bad_tiles = 0;
        own->bad_tiles_at = own->range.verified;
        if (own->bad_tiles == countof(own->bad_tile) || told(own, jobs[i]->begin))
            continue;
        if (jobs[i]->tile_part ? tilepart_tell(settle, follow, jobs[i]) : tell(settle, follow, jobs[i]))
            own->bad_tile[own->bad_tiles++] = jobs[i]->begin;
    }
}
