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

static const struct tilecheck_slot *asked(const struct tilecheck *check)
{
    for (size_t i = 0; i < TILECHECK_HELD; i++)
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
    slot->index = index;
    slot->width = width;
    slot->full = false;
    slot->since_ms = now_ms;
    return true;
}

bool tilecheck_next(struct tilecheck *check, char path[TILE_PATH_MAX])
{
    if (asked(check) != NULL)
        return false;
    for (size_t i = 0; i < TILECHECK_HELD; i++) {
        struct tilecheck_slot *slot = &check->slot[i];
        if (slot->state != TILECHECK_WANTED)
            continue;
        slot->state = TILECHECK_ASKED;
        tile_path(1, slot->index, slot->full ? TILE_WIDTH : slot->width, path);
        return true;
    }
    return false;
}

void tilecheck_failed(struct tilecheck *check, bool gone, int64_t now_ms)
{
    const struct tilecheck_slot *found = asked(check);
    if (found == NULL)
        return;
    struct tilecheck_slot *slot = slot_of(check, found->index);
    if (gone && !slot->full && slot->width < TILE_WIDTH) {
        slot->full = true;
        slot->state = TILECHECK_WANTED;
        return;
    }
    slot->state = TILECHECK_FREE;
    check->off_until_ms = now_ms + TILECHECK_OFF_MS;
}

bool tilecheck_came(struct tilecheck *check, struct span body, int64_t now_ms)
{
    const struct tilecheck_slot *found = asked(check);
    must(found != NULL);
    if (body.len < 32 * (size_t)found->width) {
        tilecheck_failed(check, false, now_ms);
        return false;
    }
    struct tilecheck_slot *slot = slot_of(check, found->index);
    memcpy(slot->node, body.at, 32 * (size_t)slot->width);
    slot->state = TILECHECK_KNOWN;
    return true;
}

bool tilecheck_waits(const struct tilecheck *check, uint64_t tile, int64_t now_ms)
{
    const struct tilecheck_slot *slot = slot_at(check, tile / TILE_WIDTH);
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
