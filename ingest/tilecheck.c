#include "ingest/tilecheck.h"

static struct tilecheck_slot *slot_of(struct tilecheck *check, uint64_t index)
{
    for (size_t i = 0; i < TILECHECK_HELD; i++)
        if (check->slot[i].state != TILECHECK_FREE && check->slot[i].index == index)
            return &check->slot[i];
    return NULL;
}

static const struct tilecheck_slot *slot_at(const struct tilecheck *check, uint64_t index)
{
    for (size_t i = 0; i < TILECHECK_HELD; i++)
        if (check->slot[i].state != TILECHECK_FREE && check->slot[i].index == index)
            return &check->slot[i];
    return NULL;
}

static struct tilecheck_slot *asked(struct tilecheck *check)
{
    for (size_t i = 0; i < TILECHECK_SLOTS; i++)
        if (check->slot[i].state == TILECHECK_ASKED)
            return &check->slot[i];
    return NULL;
}

/* One to be used anew: an unused one, else the one that is further behind. The one that is asked for stays.
 */
static struct tilecheck_slot *slot_new(struct tilecheck *check)
{
    struct tilecheck_slot *best = NULL;
    for (size_t i = 0; i < TILECHECK_HELD; i++) {
        struct tilecheck_slot *slot = &check->slot[i];
        if (slot->state == TILECHECK_FREE)
            return slot;
        if (slot->state != TILECHECK_ASKED && (best == NULL || slot->index < best->index))
            best = slot;
    }
    return best;
}

bool tilecheck_want(struct tilecheck *check, uint64_t tile, uint64_t tree, bool suspect, int64_t now_ms)
{
    uint64_t index = tile / TILE_WIDTH;
    unsigned width = tile_width(1, index, tree);
    unsigned at = (unsigned)(tile % TILE_WIDTH);
    if (now_ms < check->off_until_ms || width < at + (suspect ? 1 : TILECHECK_LEAST))
        return false;
    struct tilecheck_slot *slot = slot_of(check, index);
    if (slot != NULL && (slot->state != TILECHECK_KNOWN || slot->width > at))
        return false;
    if (slot == NULL)
        slot = slot_new(check);
    if (slot == NULL)
        return false;
    slot->state = TILECHECK_WANTED;
    slot->level = 1;
    slot->index = index;
    slot->tree = tree;
    slot->width = width;
    slot->full = false;
    slot->since_ms = now_ms;
    return true;
}

bool tilecheck_next(struct tilecheck *check, char path[TILE_PATH_MAX])
{
    if (asked(check) != NULL)
        return false;
    for (size_t i = 0; i < TILECHECK_SLOTS; i++) {
        struct tilecheck_slot *slot = &check->slot[i];
        if (slot->state != TILECHECK_WANTED)
            continue;
        slot->state = TILECHECK_ASKED;
        tile_path(slot->level, slot->index, slot->full ? TILE_WIDTH : slot->width, path);
        return true;
    }
    return false;
}

void tilecheck_failed(struct tilecheck *check, bool gone, int64_t now_ms)
{
    struct tilecheck_slot *slot = asked(check);
    if (slot == NULL)
        return;
    if (gone && !slot->full && slot->width < TILE_WIDTH) {
        slot->full = true;
        slot->state = TILECHECK_WANTED;
        return;
    }
    slot->state = TILECHECK_FREE;
    if (slot->level == 1)
        check->off_until_ms = now_ms + TILECHECK_OFF_MS;
}

bool tilecheck_came(struct tilecheck *check, struct span body, int64_t now_ms)
{
    struct tilecheck_slot *slot = asked(check);
    must(slot != NULL);
    if (body.len < 32 * (size_t)slot->width) {
        tilecheck_failed(check, false, now_ms);
        return false;
    }
    memcpy(slot->node, body.at, 32 * (size_t)slot->width);
    slot->state = TILECHECK_KNOWN;
    return true;
}

/* What would say more of a tile that differs is on its way. */
static bool narrow_waits(const struct tilecheck *check, uint64_t tile, int64_t now_ms)
{
    bool waits = false;
    for (size_t i = TILECHECK_LEAVES; i < TILECHECK_PARTS; i++) {
        const struct tilecheck_slot *slot = &check->slot[i];
        bool coming = slot->state == TILECHECK_WANTED || slot->state == TILECHECK_ASKED;
        waits = waits || (coming && now_ms - slot->since_ms < TILECHECK_WAIT_MS);
    }
    return waits && check->slot[TILECHECK_LEAVES].index == tile && tilecheck_doubts(check, tile);
}

bool tilecheck_waits(const struct tilecheck *check, uint64_t tile, int64_t now_ms)
{
    const struct tilecheck_slot *slot = slot_at(check, tile / TILE_WIDTH);
    if (narrow_waits(check, tile, now_ms))
        return true;
    return slot != NULL && slot->state != TILECHECK_KNOWN && slot->width > tile % TILE_WIDTH &&
           now_ms - slot->since_ms < TILECHECK_WAIT_MS;
}

bool tilecheck_doubts(const struct tilecheck *check, uint64_t tile)
{
    for (size_t i = 0; i < countof(check->doubt); i++)
        if (check->doubt[i] == tile + 1)
            return true;
    return false;
}

static void doubt(struct tilecheck *check, uint64_t tile, bool in_doubt)
{
    for (size_t i = 0; i < countof(check->doubt); i++)
        if (check->doubt[i] == tile + 1)
            check->doubt[i] = 0;
    if (in_doubt)
        check->doubt[check->doubt_at++ % countof(check->doubt)] = tile + 1;
}

static void want(struct tilecheck_slot *slot, int level, uint64_t index, uint64_t tree, int64_t now_ms)
{
    if (slot->state == TILECHECK_ASKED)
        return; /* of another tile; this one does without */
    slot->state = TILECHECK_WANTED;
    slot->level = level;
    slot->index = index;
    slot->tree = tree;
    slot->width = tile_width(level, index, tree);
    slot->full = false;
    slot->since_ms = now_ms;
}

/* Tiles that say whether the data tile or its node is wrong. Above a partial tile there is none. */
static void narrow_want(struct tilecheck *check, const struct tilecheck_slot *node, uint64_t tile,
                        int64_t now_ms)
{
    uint64_t above = node->index / TILE_WIDTH;
    want(&check->slot[TILECHECK_LEAVES], 0, tile, node->tree, now_ms);
    check->slot[TILECHECK_ABOVE].state =
        check->slot[TILECHECK_ABOVE].state == TILECHECK_ASKED ? TILECHECK_ASKED : TILECHECK_FREE;
    if (tile_width(2, above, node->tree) > node->index % TILE_WIDTH)
        want(&check->slot[TILECHECK_ABOVE], 2, above, node->tree, now_ms);
}

enum tilecheck_answer tilecheck_look(struct tilecheck *check, uint64_t tile, const uint8_t root[32],
                                     bool fresh, int64_t now_ms)
{
    if (tilecheck_waits(check, tile, now_ms))
        return TILECHECK_WAIT;
    const struct tilecheck_slot *slot = slot_at(check, tile / TILE_WIDTH);
    if (slot != NULL && slot->state != TILECHECK_KNOWN)
        check->off_until_ms = now_ms + TILECHECK_OFF_MS; /* waited long enough */
    if (slot == NULL || slot->state != TILECHECK_KNOWN || slot->width <= tile % TILE_WIDTH)
        return TILECHECK_UNCHECKED;
    bool fits = memcmp(slot->node[tile % TILE_WIDTH], root, 32) == 0;
    bool again = !fits && !(fresh && tilecheck_doubts(check, tile));
    doubt(check, tile, again);
    if (again)
        narrow_want(check, slot, tile, now_ms);
    return fits ? TILECHECK_FITS : again ? TILECHECK_AGAIN : TILECHECK_DIFFERS;
}

struct span tilecheck_nodes(const struct tilecheck *check, uint64_t tile, char path[TILE_PATH_MAX])
{
    const struct tilecheck_slot *slot = slot_at(check, tile / TILE_WIDTH);
    if (slot == NULL || slot->state != TILECHECK_KNOWN)
        return SPAN_NONE;
    tile_path(1, slot->index, slot->full ? TILE_WIDTH : slot->width, path);
    return span_of(slot->node, 32 * (size_t)slot->width);
}

struct span tilecheck_leaves(const struct tilecheck *check, uint64_t tile)
{
    const struct tilecheck_slot *slot = &check->slot[TILECHECK_LEAVES];
    bool known = slot->state == TILECHECK_KNOWN && slot->index == tile;
    return known ? span_of(slot->node, 32 * (size_t)slot->width) : SPAN_NONE;
}

struct span tilecheck_above(const struct tilecheck *check, uint64_t tile)
{
    const struct tilecheck_slot *slot = &check->slot[TILECHECK_ABOVE];
    uint64_t index = tile / TILE_WIDTH;
    bool known = slot->state == TILECHECK_KNOWN && slot->index == index / TILE_WIDTH &&
                 slot->width > index % TILE_WIDTH;
    return known ? span_of(slot->node[index % TILE_WIDTH], 32) : SPAN_NONE;
}

/* Parts ------------------------------------------------------------------------------------------ */

static bool on_its_way(const struct tilecheck_slot *slot, int64_t now_ms)
{
    return (slot->state == TILECHECK_WANTED || slot->state == TILECHECK_ASKED) &&
           now_ms - slot->since_ms < TILECHECK_WAIT_MS;
}

static const struct tilecheck_slot *part_of(const struct tilecheck *check, uint64_t tile)
{
    for (size_t i = TILECHECK_PARTS; i < TILECHECK_SLOTS; i++)
        if (check->slot[i].state != TILECHECK_FREE && check->slot[i].index == tile)
            return &check->slot[i];
    return NULL;
}

/* Its own one, else an unused one, else the one that is further behind. */
static struct tilecheck_slot *part_new(struct tilecheck *check, uint64_t tile, int64_t now_ms)
{
    struct tilecheck_slot *best = NULL;
    for (size_t i = TILECHECK_PARTS; i < TILECHECK_SLOTS; i++) {
        struct tilecheck_slot *slot = &check->slot[i];
        bool unused = slot->state == TILECHECK_FREE;
        if (!unused && slot->index == tile)
            return slot;
        if (unused || (!on_its_way(slot, now_ms) &&
                       (best == NULL || (best->state != TILECHECK_FREE && slot->index < best->index))))
            best = slot;
    }
    return best;
}

void tilecheck_part_want(struct tilecheck *check, uint64_t tile, uint64_t tree, int64_t now_ms)
{
    struct tilecheck_slot *slot = part_new(check, tile, now_ms);
    if (slot != NULL && !on_its_way(slot, now_ms))
        want(slot, 0, tile, tree, now_ms);
}

bool tilecheck_part_waits(const struct tilecheck *check, uint64_t tile, int64_t now_ms)
{
    const struct tilecheck_slot *slot = part_of(check, tile);
    return slot != NULL && on_its_way(slot, now_ms);
}

struct span tilecheck_part(const struct tilecheck *check, uint64_t tile, char path[TILE_PATH_MAX])
{
    const struct tilecheck_slot *slot = part_of(check, tile);
    if (slot == NULL || slot->state != TILECHECK_KNOWN)
        return SPAN_NONE;
    tile_path(0, tile, slot->full ? TILE_WIDTH : slot->width, path);
    return span_of(slot->node, 32 * (size_t)slot->width);
}
