/* A tile's path leads back to level, index and width, as a server would read it (C2SP tlog-tiles). The widths
 * of a level's tiles add up to its nodes: full ones, then at most one partial one, then none. */
#include "parser/tile.h"
#include "tests/fuzz/inside.h"

static uint64_t take_u64(struct span *input)
{
    uint64_t value = 0;

    for (size_t i = 0; i < 8 && input->len != 0; i++) {
        value = value << 8 | input->at[0];
        *input = span_part(*input, 1, input->len);
    }
    return value;
}

/* "x001/x234/067": groups of three digits, all but the last with an x; the first is not x000. */
static uint64_t read_index(const char **at)
{
    uint64_t index = 0;
    bool more = true;

    must(strncmp(*at, "x000/", 5) != 0);
    while (more) {
        more = **at == 'x';
        *at += more;
        unsigned group = 0;
        for (int i = 0; i < 3; i++, (*at)++) {
            must(**at >= '0' && **at <= '9');
            group = group * 10 + (unsigned)(**at - '0');
        }
        index = index * 1000 + group;
        must(!more || **at == '/');
        *at += more;
    }
    return index;
}

static unsigned read_number(const char **at)
{
    unsigned number = 0;

    must(**at >= '1' || (*at)[1] < '0' || (*at)[1] > '9');
    while (**at >= '0' && **at <= '9')
        number = number * 10 + (unsigned)(*(*at)++ - '0');
    return number;
}

static void check_path(int level, uint64_t index, unsigned width)
{
    char path[TILE_PATH_MAX];
    size_t len = tile_path(level, index, width, path);
    const char *at = path;

    must(len == strlen(path) && strncmp(at, "tile/", 5) == 0);
    at += 5;
    if (level < 0) {
        must(strncmp(at, "data/", 5) == 0);
        at += 5;
    } else {
        must(read_number(&at) == (unsigned)level && *at++ == '/');
    }
    must(read_index(&at) == index);
    if (width == TILE_WIDTH) {
        must(*at == '\0');
        return;
    }
    must(strncmp(at, ".p/", 3) == 0);
    at += 3;
    must(read_number(&at) == width && *at == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    if (size < 3)
        return 0;
    int level = data[0] % 7 - 1;
    unsigned width = data[1] + 1u;
    input = span_part(input, 2, size);
    uint64_t index = take_u64(&input);
    uint64_t tree = take_u64(&input);

    check_path(level, index, width);
    level = level < 0 ? 0 : level;
    uint64_t nodes = tree >> (8 * (unsigned)level);
    uint64_t full = nodes / TILE_WIDTH;
    must(full == 0 || tile_width(level, full - 1, tree) == TILE_WIDTH);
    must(tile_width(level, full, tree) == nodes % TILE_WIDTH);
    must(full == UINT64_MAX || tile_width(level, full + 1, tree) == 0);
    unsigned here = tile_width(level, index, tree);
    must(here == (index < full ? TILE_WIDTH : index == full ? nodes % TILE_WIDTH : 0));
    if (here != 0)
        check_path(level, index, here);
    return 0;
}
