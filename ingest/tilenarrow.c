#include "ingest/tilenarrow.h"

#include <stdio.h>

#include "verify/merkle.h"

static void root_of(const uint8_t *hashes, uint8_t root[32])
{
    uint8_t node[TILE_WIDTH][32];
    struct compact tile = {.size = 0};
    memcpy(node, hashes, sizeof(node));
    merkle_append_many(&tile, node, TILE_WIDTH);
    merkle_root(&tile, root);
}

static void differ(const uint8_t leaf[TILE_WIDTH][32], const uint8_t *level0, struct tilenarrow *narrow)
{
    unsigned last = 0;
    narrow->count = 0;
    for (unsigned i = 0; i < TILE_WIDTH; i++) {
        if (memcmp(leaf[i], level0 + 32 * (size_t)i, 32) == 0)
            continue;
        narrow->first = narrow->count++ == 0 ? i : narrow->first;
        last = i;
    }
    narrow->width = 1;
    while (narrow->first / narrow->width != last / narrow->width)
        narrow->width *= 2;
    narrow->first -= narrow->first % narrow->width;
}

/* Level 1 with the other node in its place: is it what level 2 says? */
static bool fits_above(uint64_t tile, const uint8_t root[32], struct span level1, struct span node2)
{
    uint8_t node[TILE_WIDTH][32];
    uint8_t above[32];
    if (level1.len < sizeof(node) || node2.len != 32)
        return false;
    memcpy(node, level1.at, sizeof(node));
    memcpy(node[tile % TILE_WIDTH], root, 32);
    root_of(node[0], above);
    return memcmp(above, node2.at, 32) == 0;
}

struct tilenarrow tilenarrow_judge(uint64_t tile, const uint8_t leaf[TILE_WIDTH][32], struct span level0,
                                   struct span level1, struct span node2)
{
    struct tilenarrow narrow = {.verdict = TILENARROW_UNKNOWN};
    size_t at = 32 * (size_t)(tile % TILE_WIDTH);
    uint8_t data[32];
    uint8_t leaves[32];
    if (level0.len < 32 * (size_t)TILE_WIDTH || level1.len < at + 32)
        return narrow;
    root_of(leaf[0], data);
    root_of(level0.at, leaves);
    if (memcmp(data, level1.at + at, 32) == 0 && memcmp(data, leaves, 32) == 0)
        return narrow; /* nothing is wrong */
    if (memcmp(leaves, data, 32) == 0) {
        narrow.verdict = fits_above(tile, data, level1, node2) ? TILENARROW_NODE : TILENARROW_HALVES;
        return narrow;
    }
    differ(leaf, level0.at, &narrow);
    narrow.verdict = memcmp(leaves, level1.at + at, 32) == 0 ? TILENARROW_DATA : TILENARROW_LEAVES;
    return narrow;
}

void tilenarrow_say(const struct tilenarrow *narrow, uint64_t tile, char *out, size_t cap)
{
    char level0[TILE_PATH_MAX];
    char level1[TILE_PATH_MAX];
    uint64_t first = tile * TILE_WIDTH + narrow->first;
    unsigned node = (unsigned)(tile % TILE_WIDTH);
    tile_path(0, tile, TILE_WIDTH, level0);
    tile_path(1, tile / TILE_WIDTH, TILE_WIDTH, level1);
    switch (narrow->verdict) {
    case TILENARROW_UNKNOWN:
        snprintf(out, cap, "%s", "");
        return;
    case TILENARROW_DATA:
        snprintf(out, cap,
                 "; %s gives the node, so the data tile is wrong: %u of entries %" PRIu64 " to %" PRIu64,
                 level0, narrow->count, first, first + narrow->width - 1);
        return;
    case TILENARROW_NODE:
        snprintf(out, cap, "; %s and level 2 agree with the data tile: node %u of %s is wrong", level0, node,
                 level1);
        return;
    case TILENARROW_HALVES:
        snprintf(out, cap, "; %s agrees with the data tile against node %u of %s", level0, node, level1);
        return;
    case TILENARROW_LEAVES:
        snprintf(out, cap, "; %s is wrong, too: %u of its hashes of entries %" PRIu64 " to %" PRIu64, level0,
                 narrow->count, first, first + narrow->width - 1);
        return;
    }
}
