#include "parser/tile.h"

#include <stdio.h>

/* Three digits a group, all groups but the last behind an "x": 1234067 is x001/x234/067. */
static size_t put_number(uint64_t index, char *out, size_t room)
{
    unsigned group[7];
    size_t groups = 0;
    size_t len = 0;

    do {
        group[groups++] = (unsigned)(index % 1000);
        index /= 1000;
    } while (index != 0);
    while (groups-- > 0) {
        int put = snprintf(out + len, room - len, groups != 0 ? "x%03u/" : "%03u", group[groups]);
        must(put > 0 && (size_t)put < room - len);
        len += (size_t)put;
    }
    return len;
}

size_t tile_path(int level, uint64_t index, unsigned width, char out[TILE_PATH_MAX])
{
    int put;
    size_t len;

    must(level >= -1 && level <= 7 && width >= 1 && width <= TILE_WIDTH);
    if (level < 0)
        put = snprintf(out, TILE_PATH_MAX, "tile/data/");
    else
        put = snprintf(out, TILE_PATH_MAX, "tile/%d/", level);
    len = (size_t)put;
    len += put_number(index, out + len, TILE_PATH_MAX - len);
    if (width != TILE_WIDTH)
        len += (size_t)snprintf(out + len, TILE_PATH_MAX - len, ".p/%u", width);
    must(len < TILE_PATH_MAX);
    return len;
}

unsigned tile_width(int level, uint64_t index, uint64_t size)
{
    uint64_t nodes;
    uint64_t begin;

    must(level >= 0);
    if (level > 7 || index > UINT64_MAX / TILE_WIDTH)
        return 0;
    nodes = size >> (8 * level);
    begin = index * TILE_WIDTH;
    if (begin >= nodes)
        return 0;
    return nodes - begin >= TILE_WIDTH ? TILE_WIDTH : (unsigned)(nodes - begin);
}
