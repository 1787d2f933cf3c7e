#include "simpage.h"

#include <stdlib.h>

#include <zlib.h>

#define SIMPAGE_GZIP_WINDOW (15 + 16)
#define SIMPAGE_MIB         (1u << 20)

struct simpage_kept {
    uint8_t *at;
    size_t len;
};

struct simpages {
    struct simlog *log;
    struct simfaults *faults;
    uint64_t page;
    pthread_mutex_t mutex;
    struct simpage_kept *kept[SIMPAGE_FORMS];
    size_t cap[SIMPAGE_FORMS];
    uint64_t bytes;
};

struct simpages *simpage_new(struct simlog *log, struct simfaults *faults, uint64_t page)
{
    struct simpages *pages = calloc(1, sizeof *pages);

    must(pages != NULL && pthread_mutex_init(&pages->mutex, NULL) == 0);
    pages->log = log;
    pages->faults = faults;
    pages->page = page;
    return pages;
}

void simpage_free(struct simpages *pages)
{
    for (size_t form = 0; form < SIMPAGE_FORMS; form++) {
        for (size_t i = 0; i < pages->cap[form]; i++)
            free(pages->kept[form][i].at);
        free(pages->kept[form]);
    }
    (void)pthread_mutex_destroy(&pages->mutex);
    free(pages);
}

/* The leaf as it is served. The wrong bit is in the last byte in front of the extensions: the framing holds,
 * the hash does not. */
static void simpage_put_leaf(struct simpages *pages, const struct simlog_entry *entry, uint64_t index,
                             enum simkind kind, bool may_flip, struct buf *out)
{
    struct span leaf = simlog_leaf(entry);
    size_t start = out->len;
    size_t extensions = 2;

    buf_put(out, leaf);
    if (!buf_ok(out) || !may_flip || !simfault_flip(pages->faults, index, kind))
        return;
    if (leaf.len > 16 && leaf.at[leaf.len - 10] == 0 && leaf.at[leaf.len - 9] == 8 &&
        leaf.at[leaf.len - 8] == 0)
        extensions = 10;
    if (leaf.len > extensions)
        out->at[start + leaf.len - extensions - 1] ^= 0x10;
}

/* Is the fault on, and about an entry of [begin, end)? */
static bool simpage_about(struct simpages *pages, enum simfault_id id, uint64_t begin, uint64_t end,
                          struct simfault_args *args)
{
    return simfault_on(pages->faults, id, SIMKIND_GET_ENTRIES, args) && args->number[0] >= begin &&
           args->number[0] < end;
}

/* The value of extra_data, as JSON. */
static void simpage_put_extra(struct simpages *pages, const struct simlog_entry *entry, uint64_t index,
                              bool may_flip, struct buf *scratch, struct buf *out)
{
    struct simfault_args args;
    bool bad = may_flip && simpage_about(pages, SIMFAULT_EXTRA, index, index + 1, &args) &&
               simfault_hit(pages->faults, SIMFAULT_EXTRA, SIMKIND_GET_ENTRIES, NULL);

    buf_clear(scratch);
    simlog_put_extra(pages->log, entry, scratch);
    if (bad && args.text[1][0] != 'j') {
        buf_str(out, args.text[1][0] == 'n' ? "null" : "\"this is no base64\"");
        return;
    }
    for (size_t i = 0; bad && i < scratch->len; i++)
        scratch->at[i] = (uint8_t)~scratch->at[i];
    buf_str(out, "\"");
    simform_base64(out, buf_span(scratch));
    buf_str(out, "\"");
}

static void simpage_json(struct simpages *pages, uint64_t begin, uint64_t end, bool may_flip, struct buf *out)
{
    struct simfault_args args;
    struct buf scratch;

    buf_init(&scratch, 2 * SIMLOG_ENTRY_MAX);
    buf_str(out, "{\"entries\":[");
    for (uint64_t i = begin; i < end; i++) {
        const struct simlog_entry *entry = simlog_entry(pages->log, i);
        buf_str(out, i == begin ? "{\"leaf_input\":\"" : ",{\"leaf_input\":\"");
        buf_clear(&scratch);
        simpage_put_leaf(pages, entry, i, SIMKIND_GET_ENTRIES, may_flip, &scratch);
        if (may_flip && simpage_about(pages, SIMFAULT_LEAF, i, i + 1, &args) &&
            simfault_hit(pages->faults, SIMFAULT_LEAF, SIMKIND_GET_ENTRIES, NULL))
            buf_str(out, "this is no base64");
        else
            simform_base64(out, buf_span(&scratch));
        buf_str(out, "\",\"extra_data\":");
        simpage_put_extra(pages, entry, i, may_flip, &scratch, out);
        buf_str(out, "}");
    }
    buf_str(out, "]}");
    buf_fini(&scratch);
}

static void simpage_tile(struct simpages *pages, uint64_t begin, uint64_t end, bool may_flip, struct buf *out)
{
    struct buf leaf;

    buf_init(&leaf, SIMLOG_ENTRY_MAX);
    for (uint64_t i = begin; i < end; i++) {
        const struct simlog_entry *entry = simlog_entry(pages->log, i);
        buf_clear(&leaf);
        simpage_put_leaf(pages, entry, i, SIMKIND_TILE_DATA, may_flip, &leaf);
        /* A replayed leaf that is shorter than its version and type leaves nothing in a tile. */
        buf_put(out, span_part(buf_span(&leaf), leaf.len < 2 ? leaf.len : 2, leaf.len));
        simlog_put_tail(pages->log, entry, out);
    }
    buf_fini(&leaf);
}

bool simpage_gzip(struct span plain, struct buf *out)
{
    z_stream stream = {0};
    size_t bound;
    uint8_t *room;

    must(deflateInit2(&stream, 1, Z_DEFLATED, SIMPAGE_GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    bound = deflateBound(&stream, plain.len);
    room = buf_room(out, bound);
    if (room == NULL) {
        (void)deflateEnd(&stream);
        return false;
    }
    stream.next_in = (Bytef *)(uintptr_t)plain.at;
    stream.avail_in = (uInt)plain.len;
    stream.next_out = room;
    stream.avail_out = (uInt)bound;
    must(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out->len -= stream.avail_out;
    (void)deflateEnd(&stream);
    return true;
}

/* After a full flush the compressor has forgotten everything, so each further mebibyte has the same bytes. */
void simpage_bomb(uint64_t mib, struct buf *out)
{
    static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};
    static const uint8_t last[2] = {0x03, 0x00};
    uint8_t *zeros = calloc(1, SIMPAGE_MIB);
    uint8_t block[8192];
    z_stream stream = {0};
    uLong crc_one, crc = 0;

    must(zeros != NULL);
    must(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    stream.next_in = zeros;
    stream.avail_in = SIMPAGE_MIB;
    stream.next_out = block;
    stream.avail_out = sizeof block;
    must(deflate(&stream, Z_FULL_FLUSH) == Z_OK && stream.avail_in == 0 && stream.avail_out > 0);
    crc_one = crc32(0, zeros, SIMPAGE_MIB);
    buf_put(out, span_of(head, sizeof head));
    for (uint64_t i = 0; i < mib; i++) {
        buf_put(out, span_of(block, sizeof block - stream.avail_out));
        crc = i == 0 ? crc_one : crc32_combine(crc, crc_one, SIMPAGE_MIB);
    }
    buf_put(out, span_of(last, sizeof last));
    for (unsigned i = 0; i < 4; i++)
        buf_byte(out, (uint8_t)(crc >> (8 * i)));
    for (unsigned i = 0; i < 4; i++)
        buf_byte(out, (uint8_t)((mib << 20) >> (8 * i)));
    (void)deflateEnd(&stream);
    free(zeros);
}

static bool simpage_encode(struct simpages *pages, enum simpage_form form, uint64_t begin, uint64_t end,
                           bool may_flip, struct buf *out)
{
    struct buf plain;

    if (form == SIMPAGE_JSON) {
        simpage_json(pages, begin, end, may_flip, out);
        return buf_ok(out);
    }
    if (form == SIMPAGE_TILE_PLAIN) {
        simpage_tile(pages, begin, end, may_flip, out);
        return buf_ok(out);
    }
    buf_init(&plain, SIMPAGE_BODY_MAX);
    simpage_tile(pages, begin, end, may_flip, &plain);
    bool fits = buf_ok(&plain) && simpage_gzip(buf_span(&plain), out) && buf_ok(out);
    buf_fini(&plain);
    return fits;
}

static struct span simpage_kept_get(struct simpages *pages, enum simpage_form form, uint64_t at)
{
    struct span kept = SPAN_NONE;

    must(pthread_mutex_lock(&pages->mutex) == 0);
    if (at < pages->cap[form])
        kept = span_of(pages->kept[form][at].at, pages->kept[form][at].len);
    must(pthread_mutex_unlock(&pages->mutex) == 0);
    return kept;
}

/* Keeps a copy; absent when the budget is used up. */
static struct span simpage_kept_put(struct simpages *pages, enum simpage_form form, uint64_t at,
                                    struct span body)
{
    struct span kept = SPAN_NONE;

    must(pthread_mutex_lock(&pages->mutex) == 0);
    while (at >= pages->cap[form]) {
        size_t cap = pages->cap[form] == 0 ? 256 : pages->cap[form] * 2;
        pages->kept[form] = realloc(pages->kept[form], cap * sizeof *pages->kept[form]);
        must(pages->kept[form] != NULL);
        memset(pages->kept[form] + pages->cap[form], 0, (cap - pages->cap[form]) * sizeof *pages->kept[form]);
        pages->cap[form] = cap;
    }
    struct simpage_kept *slot = &pages->kept[form][at];
    if (slot->at == NULL && pages->bytes + body.len <= SIMPAGE_KEEP_MAX) {
        slot->at = malloc(body.len + 1);
        must(slot->at != NULL);
        memcpy(slot->at, body.at, body.len);
        slot->len = body.len;
        pages->bytes += body.len;
    }
    if (slot->at != NULL)
        kept = span_of(slot->at, slot->len);
    must(pthread_mutex_unlock(&pages->mutex) == 0);
    return kept;
}

bool simpage_body(struct simpages *pages, enum simpage_form form, uint64_t begin, uint64_t end,
                  struct span *shared, struct buf *body)
{
    uint64_t width = form == SIMPAGE_JSON ? pages->page : SIMPAGE_TILE;
    enum simkind kind = form == SIMPAGE_JSON ? SIMKIND_GET_ENTRIES : SIMKIND_TILE_DATA;
    struct simfault_args args;
    /* A body that may hold something wrong is made afresh each time and never kept. */
    bool may_flip = simfault_flips(pages->faults, begin, end, kind) ||
                    (form == SIMPAGE_JSON && (simpage_about(pages, SIMFAULT_LEAF, begin, end, &args) ||
                                              simpage_about(pages, SIMFAULT_EXTRA, begin, end, &args)));
    bool whole = begin % width == 0 && end - begin == width && !may_flip;

    *shared = whole ? simpage_kept_get(pages, form, begin / width) : SPAN_NONE;
    if (shared->at != NULL)
        return true;
    if (!simpage_encode(pages, form, begin, end, may_flip, body))
        return false;
    if (whole)
        *shared = simpage_kept_put(pages, form, begin / width, buf_span(body));
    return true;
}
