#include "parser/tile.h"

/* A path being written; what it can become at most fits by the length of its parts. */
struct path {
    char *out;
    size_t len;
};

_Static_assert(sizeof "tile/data/" - 1 + 6 * 5 + 3 + sizeof ".p/255" <= TILE_PATH_MAX, "any path fits");

static void put_text(struct path *path, const char *text)
{
    size_t len = strlen(text);

    memcpy(path->out + path->len, text, len);
    path->len += len;
}

/* Decimal, with at least `digits` digits; below 1000. */
static void put_digits(struct path *path, unsigned value, unsigned digits)
{
    for (unsigned scale = 100, place = 3; scale != 0; scale /= 10, place--) {
        if (place <= digits || value >= scale)
            path->out[path->len++] = (char)('0' + value / scale % 10);
    }
}

/* Three digits a group, all groups but the last behind an "x": 1234067 is x001/x234/067. */
static void put_number(struct path *path, uint64_t index)
{
    unsigned group[7];
    size_t groups = 0;

    do {
        group[groups++] = (unsigned)(index % 1000);
        index /= 1000;
    } while (index != 0);
    while (groups-- > 0) {
        put_text(path, groups != 0 ? "x" : "");
        put_digits(path, group[groups], 3);
        put_text(path, groups != 0 ? "/" : "");
    }
}

size_t tile_path(int level, uint64_t index, unsigned width, char out[TILE_PATH_MAX])
{
    struct path path = {out, 0};

    must(level >= -1 && level <= 7 && width >= 1 && width <= TILE_WIDTH);
    put_text(&path, "tile/");
    if (level < 0)
        put_text(&path, "data");
    else
        put_digits(&path, (unsigned)level, 1);
    put_text(&path, "/");
    put_number(&path, index);
    if (width != TILE_WIDTH) {
        put_text(&path, ".p/");
        put_digits(&path, width, 1);
    }
    out[path.len] = '\0';
    return path.len;
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
