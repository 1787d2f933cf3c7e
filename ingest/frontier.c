#include "ingest/frontier.h"

#include "ingest/rfc6962.h"
#include "ingest/statict.h"
#include "parser/tile.h"
#include "verify/merkle.h"

void frontier_begin(struct frontier *frontier, bool tiles, uint64_t size, const struct head *head)
{
    must(size > 0 && size <= head->size);
    *frontier = (struct frontier){.tiles = tiles, .tree = head->size, .level = STATICT_LEVELS - 1};
    memcpy(frontier->root, head->root, 32);
    frontier->unverified.size = size;
}

void frontier_begin_claim(struct frontier *frontier, bool tiles, const struct head *claim,
                          const struct head *tree)
{
    must(claim->size < tree->size);
    frontier_begin(frontier, tiles, claim->size, tree);
    memcpy(frontier->claim, claim->root, 32);
    if (!tiles)
        frontier->step = FRONTIER_DIRECT;
}

/* Tiles: on to the next level that holds a part of the frontier. False: all parts are there. */
static bool rebuild_url(struct frontier *frontier, const struct ctlog *log, char url[PROTO_URL_MAX])
{
    uint64_t size = frontier->unverified.size;
    for (; frontier->level >= 0; frontier->level--) {
        unsigned held = 0;
        frontier->width =
            statict_hash_tile(log, frontier->level, size, frontier->tree, frontier->full, url, &held);
        if (frontier->width != 0)
            return true;
    }
    must(frontier->count == compact_count(&frontier->unverified));
    memcpy(frontier->unverified.hash, frontier->nodes, 32 * frontier->count);
    frontier->walk = frontier->unverified;
    frontier->step = FRONTIER_PROVE;
    return false;
}

/* Tiles: the largest node that begins where the walk stands and lies inside the signed tree. */
static bool walk_url(struct frontier *frontier, const struct ctlog *log, char url[PROTO_URL_MAX])
{
    uint64_t at = frontier->walk.size;
    if (at == frontier->tree)
        return false;
    int level = 0;
    for (uint64_t span = 256; level + 1 < STATICT_LEVELS && at % span == 0 && frontier->tree - at >= span;
         level++)
        span *= 256;
    uint64_t node = at >> (8 * (unsigned)level);
    frontier->level = level;
    frontier->width = tile_width(level, node / TILE_WIDTH, frontier->tree);
    must(frontier->width > node % TILE_WIDTH);
    char path[TILE_PATH_MAX];
    tile_path(level, node / TILE_WIDTH, frontier->full ? TILE_WIDTH : frontier->width, path);
    proto_url(log, url, "%s", path);
    return true;
}

static bool prove_url(struct frontier *frontier, const struct ctlog *log, char url[PROTO_URL_MAX])
{
    if (frontier->tiles)
        return walk_url(frontier, log, url);
    frontier->walk = frontier->unverified;
    if (frontier->unverified.size == frontier->tree)
        return false;
    rfc6962_consistency_url(log, frontier->unverified.size, frontier->tree, url);
    return true;
}

bool frontier_url(struct frontier *frontier, const struct ctlog *log, char url[PROTO_URL_MAX],
                  enum err_code *code)
{
    if (frontier->step == FRONTIER_DIRECT) {
        rfc6962_consistency_url(log, frontier->unverified.size, frontier->tree, url);
        return true;
    }
    if (frontier->step == FRONTIER_REBUILD && !frontier->tiles) {
        rfc6962_proof_url(log, frontier->unverified.size, url);
        return true;
    }
    if (frontier->step == FRONTIER_REBUILD && rebuild_url(frontier, log, url))
        return true;
    if (frontier->step == FRONTIER_PROVE && prove_url(frontier, log, url))
        return true;
    if (frontier->step == FRONTIER_PROVE) {
        uint8_t root[32];
        merkle_root(&frontier->walk, root);
        if (memcmp(root, frontier->root, 32) == 0)
            frontier->step = FRONTIER_DONE;
    }
    *code = frontier->step == FRONTIER_DONE ? ERR_OK : ERR_PROOF;
    return false;
}

static enum err_code take_tile(struct frontier *frontier, struct span body, struct err *why)
{
    size_t least = 32 * (size_t)frontier->width;
    if (body.len < least)
        return err_set(why, ERR_FORMAT, "a hash tile of level %d is too short", frontier->level);
    frontier->full = false;
    if (frontier->step == FRONTIER_REBUILD) {
        must(statict_hash_nodes(body, frontier->width, frontier->nodes, &frontier->count));
        frontier->level--;
        return ERR_OK;
    }
    unsigned height = 8 * (unsigned)frontier->level;
    for (uint64_t at = (frontier->walk.size >> height) % TILE_WIDTH; at < frontier->width; at++)
        merkle_append_tree(&frontier->walk, body.at + 32 * at, height);
    return ERR_OK;
}

enum err_code frontier_take(struct frontier *frontier, struct span body, struct err *why)
{
    if (frontier->tiles)
        return take_tile(frontier, body, why);
    uint64_t size = frontier->unverified.size;
    if (frontier->step == FRONTIER_DIRECT) {
        frontier->direct = rfc6962_consistency_read(body, size, frontier->claim, frontier->tree,
                                                    frontier->root, why) == ERR_OK;
        /* A proof of nothing: then what is true of that size, from the beginning. */
        frontier->step = frontier->direct ? FRONTIER_DONE : FRONTIER_REBUILD;
        err_clear(why);
        return ERR_OK;
    }
    if (frontier->step == FRONTIER_REBUILD) {
        enum err_code code = rfc6962_proof_read(body, size, &frontier->unverified, why);
        frontier->unverified.size = size;
        frontier->step = code == ERR_OK ? FRONTIER_PROVE : FRONTIER_REBUILD;
        return code;
    }
    uint8_t root[32];
    merkle_root(&frontier->unverified, root);
    enum err_code code = rfc6962_consistency_read(body, size, root, frontier->tree, frontier->root, why);
    frontier->step = code == ERR_OK ? FRONTIER_DONE : FRONTIER_PROVE;
    return code;
}

bool frontier_absent(struct frontier *frontier, long status)
{
    bool direct = frontier->step == FRONTIER_DIRECT;
    if (status != 404 && status != 403 && !(direct && status >= 400 && status < 500))
        return false;
    if (direct) {
        frontier->step = FRONTIER_REBUILD;
        return true;
    }
    if (!frontier->tiles || frontier->full)
        return false;
    frontier->full = true;
    return true;
}

bool frontier_fits(const struct frontier *frontier)
{
    uint8_t root[32];
    must(frontier->step == FRONTIER_DONE);
    if (frontier->direct)
        return true;
    merkle_root(&frontier->unverified, root);
    return memcmp(root, frontier->claim, 32) == 0;
}
