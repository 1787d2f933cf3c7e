#include "ingest/statict.h"

#include "base/text.h"
#include "parser/leaf.h"
#include "parser/tile.h"
#include "verify/checkpoint.h"
#include "verify/merkle.h"

static void head_url(const struct ctlog *log, char url[PROTO_URL_MAX])
{
    proto_url(log, url, "checkpoint");
}

static enum err_code head_read(const struct ctlog *log, struct span body, struct head *head, struct err *why)
{
    return checkpoint_verify(log, body, head, why);
}

static void entries_url(const struct ctlog *log, uint64_t begin, uint64_t end, unsigned width,
                        char url[PROTO_URL_MAX])
{
    (void)end;
    char path[TILE_PATH_MAX];
    tile_path(-1, begin / TILE_WIDTH, width, path);
    proto_url(log, url, "%s", path);
}

/* Leaves lie one behind the other in one piece of the arena, each with the 0x00 of its hash in front. */
struct room {
    uint8_t *at;
    size_t left;
};

static bool read_one(struct cur *tile, struct room *room, struct entry *entry)
{
    if (room->left < 1)
        return false;
    room->at[0] = 0;
    if (!leaf_read_tile(tile, room->at + 1, room->left - 1, entry))
        return false;
    size_t used = entry->leaf.len + 1;
    must(used <= room->left);
    room->at += used;
    room->left -= used;
    return true;
}

/* Nobody knows where the entry ends, so everything behind it in the tile is out of reach too. */
static enum err_code stuck(struct batch *batch, const struct cur *tile, struct err *why)
{
    bool type = finding_has(&batch->entries[0].findings, FINDING_LEAF_ENTRY_TYPE);
    struct span rest = span_of(tile->at, cur_left(tile));
    if (rest.len == 0)
        return err_set(why, ERR_FORMAT, "the data tile ends before entry %" PRIu64, batch->begin);
    must(rest.at != NULL);
    if (rest.at == batch->body.at && (rest.at[0] == '<' || rest.at[0] == '{'))
        return err_set(why, ERR_FORMAT, "the reply is text, not the data tile of entry %" PRIu64,
                       batch->begin);
    return proto_stuck(batch, rest,
                       type ? "its type is unknown, so that nothing behind it in its tile can be found"
                            : "its data tile is damaged or breaks off there",
                       why);
}

static enum err_code decode(struct batch *batch, unsigned width, struct err *why)
{
    uint64_t first = batch->begin - batch->begin % TILE_WIDTH;
    size_t skip = (size_t)(batch->begin - first);
    size_t stop = (size_t)(batch->end - first);
    must(stop > skip && stop <= width && width <= TILE_WIDTH);
    /* Per leaf two bytes of version and type, and the prefix of the hash. */
    struct room room = {NULL, batch->body.len + 3 * (size_t)width + 3};
    room.at = arena_take(&batch->arena, room.left, 1);
    if (room.at == NULL || !proto_entries(batch, width))
        return err_set(why, ERR_TOO_BIG, "a tile of %zu bytes does not fit", batch->body.len);
    struct cur tile = cur_of(batch->body);
    size_t count = 0;
    while (count < stop) {
        batch->entries[count].index = first + count;
        if (!read_one(&tile, &room, &batch->entries[count]))
            break;
        count++;
    }
    if (count < skip)
        return err_set(why, ERR_FORMAT, "the data tile breaks off in entry %" PRIu64, first + count);
    batch->entries += skip;
    if (count == skip)
        return stuck(batch, &tile, why);
    batch->entry_count = count - skip;
    batch->end = first + count;
    return ERR_OK;
}

void statict_issuer_url(const struct ctlog *log, const uint8_t sha256[32], char url[PROTO_URL_MAX])
{
    char hex[65];
    proto_url(log, url, "issuer/%s", text_hex(span_of(sha256, 32), hex));
}

unsigned statict_hash_tile(const struct ctlog *log, int level, uint64_t size, uint64_t tree_size, bool full,
                           char url[PROTO_URL_MAX], unsigned *width)
{
    must(level >= 0 && level < STATICT_LEVELS && size <= tree_size);
    uint64_t index = size >> (8 * (unsigned)(level + 1));
    unsigned count = (unsigned)(size >> (8 * (unsigned)level) & 0xff);
    if (count == 0)
        return 0;
    *width = full ? TILE_WIDTH : tile_width(level, index, tree_size);
    char path[TILE_PATH_MAX];
    tile_path(level, index, *width, path);
    proto_url(log, url, "%s", path);
    return count;
}

bool statict_hash_nodes(struct span tile, unsigned count, uint8_t nodes[COMPACT_MAX][32], size_t *at)
{
    must(count < TILE_WIDTH);
    if (tile.len < 32 * (size_t)count)
        return false;
    const uint8_t *hash = tile.at;
    for (unsigned group = TILE_WIDTH / 2; group != 0; group /= 2) {
        if ((count & group) == 0)
            continue;
        /* A perfect subtree of `group` nodes, folded in place. */
        uint8_t level[TILE_WIDTH / 2][32];
        memcpy(level, hash, 32 * (size_t)group);
        for (unsigned left = group; left > 1; left /= 2)
            for (unsigned i = 0; i < left / 2; i++)
                merkle_node_hash(level[2 * i], level[2 * i + 1], level[i]);
        must(*at < COMPACT_MAX);
        memcpy(nodes[(*at)++], level[0], 32);
        hash += 32 * (size_t)group;
    }
    return true;
}

static enum err_code decode_unindexed(struct batch *batch, unsigned width, struct err *why)
{
    enum err_code code = decode(batch, width, why);
    for (size_t i = 0; code == ERR_OK && i < batch->entry_count; i++)
        if (batch->entries[i].extensions.len == 0)
            finding_drop(&batch->entries[i].findings, FINDING_LEAF_INDEX);
    return code;
}

const struct proto *statict_unindexed(void)
{
    static const struct proto proto = {true, head_url, head_read, entries_url, decode_unindexed};
    return &proto;
}

const struct proto *statict_proto(void)
{
    static const struct proto proto = {true, head_url, head_read, entries_url, decode};
    return &proto;
}
