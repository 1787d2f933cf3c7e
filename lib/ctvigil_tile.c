#include "lib/inner.h"
#include "parser/leaf.h"
#include "parser/tile.h"

_Static_assert(CTVIGIL_TILE_PATH >= TILE_PATH_MAX, "there is room for a path");

struct walk {
    struct cur in;
    uint64_t index;
};

INNER(walk, struct walk, struct ctvigil_tile)

void ctvigil_tile_begin(struct ctvigil_tile *tile, struct ctvigil_bytes bytes, uint64_t first_index)
{
    *walk_of(tile) = (struct walk){cur_of(inner_span(bytes)), first_index};
}

int ctvigil_tile_next(struct ctvigil_tile *tile, struct ctvigil_entry *entry, void *room, size_t room_size)
{
    struct walk *walk = walk_of(tile);
    struct entry *inside = inner_entry_of(entry);

    *inside = (struct entry){.kind = ENTRY_OPAQUE, .index = walk->index, .leaf_index = -1};
    if (cur_left(&walk->in) == 0)
        return CTVIGIL_TILE_END;
    if (leaf_read_tile(&walk->in, room, room_size, inside)) {
        walk->index++;
        return CTVIGIL_TILE_ENTRY;
    }
    return room_size < leaf_tile_room(&walk->in) ? CTVIGIL_TILE_ROOM : CTVIGIL_TILE_LOST;
}

size_t ctvigil_tile_room(const struct ctvigil_tile *tile)
{
    return leaf_tile_room(&walk_in(tile)->in);
}

size_t ctvigil_tile_path(int level, uint64_t index, unsigned width, char *out)
{
    if (level < -1 || level > 7 || width < 1 || width > TILE_WIDTH)
        return 0;
    return tile_path(level, index, width, out);
}

unsigned ctvigil_tile_width(int level, uint64_t index, uint64_t size)
{
    return level < 0 ? 0 : tile_width(level, index, size);
}
