#include "ingest/hybrid.h"

#include "parser/tile.h"

#define PAGE_LEAST 32 /* shorter replies say how long a request takes, not an entry */

static bool is_astray(const struct hybrid *hybrid, uint64_t tile)
{
    for (size_t i = 0; i < HYBRID_ASTRAY; i++)
        if (hybrid->astray[i] == tile + 1)
            return true;
    return false;
}

static void astray_add(struct hybrid *hybrid, uint64_t tile)
{
    if (is_astray(hybrid, tile))
        return;
    hybrid->astray[hybrid->astray_at] = tile + 1;
    hybrid->astray_at = (hybrid->astray_at + 1) % HYBRID_ASTRAY;
}

bool hybrid_by_tile(const struct hybrid *hybrid, uint64_t at, uint64_t tree, int64_t now_ms)
{
    uint64_t tile = at / TILE_WIDTH;
    return tile < tree / TILE_WIDTH && now_ms >= hybrid->off_until_ms && !is_astray(hybrid, tile);
}

bool hybrid_next(const struct hybrid *hybrid, struct lane *lane, const struct plan *pages,
                 const struct hybrid_scope *scope, struct hybrid_ask *ask)
{
    static const struct plan tiles = {.tiles = true};
    uint64_t at = lane->hole_count != 0 ? lane->holes[0].begin : lane->ask;
    ask->tile = hybrid_by_tile(hybrid, at, scope->tree, scope->now_ms);
    if (!lane_next(lane, ask->tile ? &tiles : pages, scope->limit, &ask->begin, &ask->end))
        return false;
    must(ask->begin == at);
    /* A page ends where tiles serve again. */
    for (uint64_t edge = at - at % TILE_WIDTH + TILE_WIDTH; !ask->tile && edge < ask->end;
         edge += TILE_WIDTH) {
        if (!hybrid_by_tile(hybrid, edge, scope->tree, scope->now_ms))
            continue;
        lane_hole(lane, edge, ask->end);
        ask->end = edge;
    }
    return true;
}

static void leave_alone(struct hybrid *hybrid, int64_t now_ms)
{
    hybrid->off_ms = hybrid->off_ms == 0 ? HYBRID_OFF_MS : 2 * hybrid->off_ms;
    if (hybrid->off_ms > HYBRID_OFF_MAX)
        hybrid->off_ms = HYBRID_OFF_MAX;
    hybrid->off_until_ms = now_ms + hybrid->off_ms;
    hybrid->fails = 0;
    hybrid->slow = 0;
}

void hybrid_page_came(struct hybrid *hybrid, uint64_t count, int64_t took_ms)
{
    must(count > 0);
    if (count < PAGE_LEAST)
        return;
    int64_t each_us = took_ms * 1000 / (int64_t)count;
    hybrid->page_us = hybrid->page_us == 0 ? each_us : (3 * hybrid->page_us + each_us) / 4;
}

void hybrid_tile_came(struct hybrid *hybrid, int64_t took_ms, int64_t now_ms)
{
    bool slow = took_ms > HYBRID_SLOW_MS && hybrid->page_us != 0 &&
                took_ms * 1000 > HYBRID_SLOWER * TILE_WIDTH * hybrid->page_us;
    hybrid->slow = slow ? hybrid->slow + 1 : 0;
    if (hybrid->slow >= HYBRID_FAILS)
        leave_alone(hybrid, now_ms);
}

void hybrid_tile_failed(struct hybrid *hybrid, uint64_t begin, enum hybrid_fail fail, uint64_t good,
                        int64_t now_ms)
{
    astray_add(hybrid, begin / TILE_WIDTH);
    if (good != hybrid->good) {
        hybrid->fails = 0;
        hybrid->off_ms = 0;
    }
    hybrid->good = good;
    if (fail == HYBRID_AWAY && ++hybrid->fails >= HYBRID_FAILS)
        leave_alone(hybrid, now_ms);
}

void hybrid_page_failed(struct hybrid *hybrid, uint64_t begin)
{
    for (size_t i = 0; i < HYBRID_ASTRAY; i++)
        if (hybrid->astray[i] == begin / TILE_WIDTH + 1)
            hybrid->astray[i] = 0;
}
