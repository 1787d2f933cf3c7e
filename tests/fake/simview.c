#include "simview.h"

#include "base/text.h"
#include "simtile.h"
#include "verify/digest.h"

#define SIMVIEW_WIDE_MAX (8u << 20)
#define SIMVIEW_JSON     "application/json; charset=utf-8"

static void simview_error(struct simreply *reply, unsigned status, const char *text)
{
    reply->status = status;
    reply->type = "text/plain; charset=utf-8";
    buf_clear(&reply->body);
    buf_fmt(&reply->body, "%s\n", text);
}

static void simview_bytes_base64(struct buf *out, const char *name, struct span bytes)
{
    buf_fmt(out, "\"%s\":\"", name);
    simform_base64(out, bytes);
    buf_str(out, "\"");
}

/* The head as the world shall see it, with the faults that concern heads. The log's read lock is held. */
static struct simlog_head simview_head(struct simworld *world, enum simkind kind)
{
    struct simlog_head head = *simlog_head(world->log);
    struct simfault_args args;
    bool sign = false;

    if (simfault_hit(&world->faults, SIMFAULT_STALE, kind, &args)) {
        head.size = head.size > args.number[0] ? head.size - args.number[0] : 0;
        head.timestamp_ms -= 60000;
        simtree_hash(simlog_tree(world->log), 0, head.size, head.root);
        sign = true;
    }
    if (simfault_hit(&world->faults, SIMFAULT_FORK, kind, &args)) {
        struct span pieces[2] = {SPAN_LIT("another tree"), span_of(head.root, 32)};
        uint8_t other[32];
        if (strcmp(args.text[0], "larger") == 0)
            head.size += 100;
        digest_sha256_pieces(pieces, 2, other);
        memcpy(head.root, other, 32);
        sign = true;
    }
    if (simfault_hit(&world->faults, SIMFAULT_AHEAD, kind, &args)) {
        uint64_t room = (uint64_t)(INT64_MAX - head.timestamp_ms);
        head.timestamp_ms += (int64_t)(args.number[0] < room ? args.number[0] : room);
        sign = true;
    }
    bool wrong_key = simfault_hit(&world->faults, SIMFAULT_BADSIG, kind, NULL);
    if (sign || wrong_key)
        simlog_sign_head(world->log, &head, wrong_key);
    return head;
}

/* Junk that is base64, so many bytes of text; nothing without the fault. */
static void simview_wide(struct simworld *world, enum simkind kind, struct buf *out, const char *before,
                         const char *after)
{
    struct simfault_args args;
    if (!simfault_hit(&world->faults, SIMFAULT_WIDE, kind, &args) || args.number[0] > SIMVIEW_WIDE_MAX)
        return;
    size_t len = (size_t)args.number[0] / 4 * 4;
    buf_str(out, before);
    uint8_t *room = buf_room(out, len);
    if (room != NULL)
        memset(room, 'A', len);
    buf_str(out, after);
}

static void simview_get_sth(struct simworld *world, const struct simrequest *request, struct simreply *reply)
{
    struct simlog_head head = simview_head(world, request->kind);
    struct buf *out = &reply->body;

    buf_fmt(out, "{\"tree_size\":%" PRIu64 ",\"timestamp\":%" PRId64 ",", head.size, head.timestamp_ms);
    simview_bytes_base64(out, "sha256_root_hash", span_of(head.root, 32));
    buf_str(out, ",");
    simview_bytes_base64(out, "tree_head_signature", span_of(head.signature, head.signature_len));
    simview_wide(world, request->kind, out, ",\"junk\":\"", "\"");
    buf_str(out, "}");
}

static void simview_path(struct simworld *world, const struct simrequest *request, struct buf *out,
                         const char *name, uint8_t (*path)[32], size_t count)
{
    if (count > 0 && simfault_hit(&world->faults, SIMFAULT_BADPROOF, request->kind, NULL))
        path[count / 2][7] ^= 0x04;
    buf_fmt(out, "\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        buf_str(out, i == 0 ? "\"" : ",\"");
        simform_base64(out, span_of(path[i], 32));
        buf_str(out, "\"");
    }
    buf_str(out, "]");
}

/* Both parameters as numbers; otherwise the reply says no. */
static bool simview_numbers(const struct simrequest *request, struct simreply *reply, uint64_t *first,
                            uint64_t *second)
{
    if (request->parameter[0] != NULL && request->parameter[1] != NULL &&
        text_uint(span_str(request->parameter[0]), first) &&
        text_uint(span_str(request->parameter[1]), second))
        return true;
    simview_error(reply, 400, "a parameter is missing or not a number");
    return false;
}

static void simview_get_sth_consistency(struct simworld *world, const struct simrequest *request,
                                        struct simreply *reply)
{
    uint64_t visible = simlog_head(world->log)->size;
    uint8_t path[SIMTREE_PATH_MAX][32];
    uint64_t first, second;
    size_t count = 0;

    if (!simview_numbers(request, reply, &first, &second))
        return;
    if (first == 0 || first > second) {
        simview_error(reply, 400, "first and second must be 0 < first <= second");
        return;
    }
    if (second > visible && simfault_on(&world->faults, SIMFAULT_FORK, SIMKIND_GET_STH, NULL)) {
        /* A log that shows two trees can not prove that they are one; it sends something. */
        for (count = 0; count < 12; count++)
            digest_sha256(span_of(&count, sizeof count), path[count]);
    } else if (second > visible) {
        simview_error(reply, 400, "second is beyond the tree");
        return;
    } else {
        count = simtree_consistency(simlog_tree(world->log), first, second, path);
    }
    buf_str(&reply->body, "{");
    simview_path(world, request, &reply->body, "consistency", path, count);
    buf_str(&reply->body, "}");
}

/* How many entries an answer may hold. */
static uint64_t simview_entries_end(struct simworld *world, uint64_t start, uint64_t end, uint64_t visible)
{
    uint64_t asked = end - start < UINT64_MAX ? end - start + 1 : UINT64_MAX;
    uint64_t count = asked;
    struct simfault_args args;

    /* Logs with aligned pages answer up to the next boundary, so that the following requests hit whole pages.
     */
    if (count >= world->page || (world->edge && count > world->page - start % world->page))
        count = world->page - start % world->page;
    if (count > visible - start)
        count = visible - start;
    if (simfault_hit(&world->faults, SIMFAULT_SHORT, SIMKIND_GET_ENTRIES, &args) && count > args.number[0])
        count = args.number[0];
    if (simfault_hit(&world->faults, SIMFAULT_LONG, SIMKIND_GET_ENTRIES, &args))
        count = asked < visible - start ? asked + args.number[0] : visible - start;
    return start + (count < visible - start ? count : visible - start);
}

/* A log that can not get at one of its entries. True: the reply is made. */
static bool simview_refuse(struct simworld *world, enum simkind kind, uint64_t begin, uint64_t end,
                           struct simreply *reply)
{
    struct simfault_args args;

    if (!simfault_on(&world->faults, SIMFAULT_REFUSE, kind, &args) || args.number[0] < begin ||
        args.number[0] >= end || !simfault_hit(&world->faults, SIMFAULT_REFUSE, kind, NULL))
        return false;
    simview_error(reply, (unsigned)args.number[1], "this can not be read");
    return true;
}

/* Entries of many megabytes each make more than can be served at once: fewer of them then, or none. */
static void simview_body(struct simworld *world, enum simpage_form form, uint64_t begin, uint64_t end,
                         struct simreply *reply)
{
    while (!simpage_body(world->pages, form, begin, end, &reply->shared, &reply->body)) {
        buf_fini(&reply->body);
        buf_init(&reply->body, SIMPAGE_BODY_MAX);
        if (form != SIMPAGE_JSON || end - begin == 1) {
            reply->gzip = false;
            simview_error(reply, 500, "these entries are more than one answer can hold");
            return;
        }
        end = begin + (end - begin) / 2;
    }
}

static void simview_get_entries(struct simworld *world, const struct simrequest *request,
                                struct simreply *reply)
{
    uint64_t visible = simlog_head(world->log)->size;
    uint64_t start, end;

    if (!simview_numbers(request, reply, &start, &end))
        return;
    if (simfault_hit(&world->faults, SIMFAULT_FUTURE, request->kind, NULL))
        visible = simlog_size(world->log);
    if (start > end || start >= visible) {
        simview_error(reply, 400, "start and end must be start <= end and start below the tree size");
        return;
    }
    end = simview_entries_end(world, start, end, visible);
    reply->entries = end - start;
    if (!simview_refuse(world, request->kind, start, end, reply))
        simview_body(world, SIMPAGE_JSON, start, end, reply);
}

static void simview_get_proof_by_hash(struct simworld *world, const struct simrequest *request,
                                      struct simreply *reply)
{
    uint8_t path[SIMTREE_PATH_MAX][32];
    uint8_t hash[32];
    size_t length = 0;
    uint64_t size, index;

    if (request->parameter[0] == NULL || request->parameter[1] == NULL ||
        !text_uint(span_str(request->parameter[1]), &size) || size > simlog_head(world->log)->size ||
        !text_unbase64(span_str(request->parameter[0]), hash, sizeof hash, &length) || length != 32) {
        simview_error(reply, 400, "hash must be base64 of 32 bytes, tree_size at most the size of the tree");
        return;
    }
    index = simtree_find(simlog_tree(world->log), hash, size);
    if (index == UINT64_MAX) {
        simview_error(reply, 404, "no such leaf");
        return;
    }
    buf_fmt(&reply->body, "{\"leaf_index\":%" PRIu64 ",", index);
    simview_path(world, request, &reply->body, "audit_path", path,
                 simtree_inclusion(simlog_tree(world->log), index, size, path));
    buf_str(&reply->body, "}");
}

static void simview_get_entry_and_proof(struct simworld *world, const struct simrequest *request,
                                        struct simreply *reply)
{
    uint8_t path[SIMTREE_PATH_MAX][32];
    const struct simlog_entry *entry;
    uint64_t index, size;
    struct buf extra;

    if (!simview_numbers(request, reply, &index, &size))
        return;
    if (index >= size || size > simlog_head(world->log)->size) {
        simview_error(reply, 400,
                      "leaf_index must be below tree_size, tree_size at most the size of the tree");
        return;
    }
    entry = simlog_entry(world->log, index);
    buf_init(&extra, 2 * SIMLOG_ENTRY_MAX);
    simlog_put_extra(world->log, entry, &extra);
    buf_str(&reply->body, "{");
    simview_bytes_base64(&reply->body, "leaf_input", simlog_leaf(entry));
    buf_str(&reply->body, ",");
    simview_bytes_base64(&reply->body, "extra_data", buf_span(&extra));
    buf_str(&reply->body, ",");
    simview_path(world, request, &reply->body, "audit_path", path,
                 simtree_inclusion(simlog_tree(world->log), index, size, path));
    buf_str(&reply->body, "}");
    buf_fini(&extra);
}

static void simview_get_roots(struct simworld *world, struct simreply *reply)
{
    buf_str(&reply->body, "{\"certificates\":[\"");
    simform_base64(&reply->body, simca_root_der(world->ca));
    buf_str(&reply->body, "\"]}");
}

static void simview_note_line(struct buf *out, const char *name, const uint8_t key_id[4], struct span body)
{
    struct buf bytes;

    buf_init(&bytes, 1024);
    buf_put(&bytes, span_of(key_id, 4));
    buf_put(&bytes, body);
    buf_fmt(out, "\xe2\x80\x94 %s ", name);
    simform_base64(out, buf_span(&bytes));
    buf_str(out, "\n");
    buf_fini(&bytes);
}

/* Two lines nobody may trip over: one of a stranger, one under the log's own name with another key id. The
 * order changes with the head. */
static void simview_checkpoint(struct simworld *world, const struct simrequest *request,
                               struct simreply *reply)
{
    struct simlog_head head = simview_head(world, request->kind);
    struct span id_pieces[3] = {span_str(world->origin), SPAN_LIT("\n\x05"),
                                span_of(simlog_id(world->log), 32)};
    struct buf *out = &reply->body;
    struct buf body;
    uint8_t key_id[32];
    uint8_t noise[32];

    digest_sha256_pieces(id_pieces, 3, key_id);
    digest_sha256(span_of(&head, offsetof(struct simlog_head, signature)), noise);
    buf_init(&body, 512);
    buf_u64(&body, (uint64_t)head.timestamp_ms);
    buf_put(&body, span_of(head.signature, head.signature_len));
    buf_fmt(out, "%s\n%" PRIu64 "\n", world->origin, head.size);
    simform_base64(out, span_of(head.root, 32));
    buf_str(out, "\n\n");
    for (unsigned i = 0; i < 3; i++) {
        unsigned line = (i + noise[0]) % 3;
        uint8_t grease_id[4] = {noise[1], noise[2], noise[3], (uint8_t)(key_id[3] ^ 0x80)};
        if (line == 0)
            simview_note_line(out, "grease.invalid", grease_id, span_of(noise, 32));
        else if (line == 1)
            simview_note_line(out, world->origin, grease_id, buf_span(&body));
        else
            simview_note_line(out, world->origin, key_id, buf_span(&body));
    }
    simview_wide(world, request->kind, out, "\xe2\x80\x94 wide.invalid ", "\n");
    buf_fini(&body);
    reply->type = "text/plain; charset=utf-8";
}

/* Is this tile there? A full one when the published tree covers it, a partial one when a head of that very
 * width was published. */
static bool simview_tile_there(struct simworld *world, const struct simtile *tile)
{
    unsigned shift = tile->level > 0 ? 8 * (unsigned)tile->level : 0;
    uint64_t begin = tile->index * SIMPAGE_TILE;
    uint64_t visible = simlog_head(world->log)->size >> shift;

    if (tile->width == SIMPAGE_TILE)
        return begin + SIMPAGE_TILE <= visible;
    return begin + tile->width <= visible &&
           simlog_published(world->log, (begin + tile->width) << shift, (begin + tile->width + 1) << shift);
}

static void simview_tile(struct simworld *world, const struct simrequest *request, struct simreply *reply)
{
    struct simfault_args args;
    struct simtile tile;
    uint64_t begin;

    if (!simtile_parse(request->path, &tile)) {
        simview_error(reply, 404, "not the path of a tile");
        return;
    }
    if (tile.width != SIMPAGE_TILE &&
        simfault_hit(&world->faults, SIMFAULT_NOPARTIAL, request->kind, &args)) {
        simview_error(reply, (unsigned)args.number[0], "this partial tile is gone");
        return;
    }
    if ((request->full_only && tile.width != SIMPAGE_TILE) || !simview_tile_there(world, &tile)) {
        simview_error(reply, 404, "no such tile");
        return;
    }
    begin = tile.index * SIMPAGE_TILE;
    if (tile.level < 0 && simview_refuse(world, request->kind, begin, begin + tile.width, reply))
        return;
    reply->type = "application/octet-stream";
    reply->immutable = true;
    if (tile.level < 0) {
        reply->gzip = world->gzip && request->accepts_gzip;
        simview_body(world, reply->gzip ? SIMPAGE_TILE_GZIP : SIMPAGE_TILE_PLAIN, begin, begin + tile.width,
                     reply);
        return;
    }
    for (uint64_t i = begin; i < begin + tile.width; i++)
        buf_put(&reply->body, span_of(simlog_tree(world->log)->level[8 * tile.level].node[i], 32));
}

static void simview_issuer(struct simworld *world, const struct simrequest *request, struct simreply *reply)
{
    uint8_t sha256[32];
    struct span der = SPAN_NONE;

    if (text_unhex(span_str(request->path), sha256, sizeof sha256))
        der = simlog_issuer(world->log, sha256);
    if (der.at == NULL) {
        simview_error(reply, 404, "no such issuer");
        return;
    }
    reply->type = "application/pkix-cert";
    reply->immutable = true;
    buf_put(&reply->body, der);
}

void simview_answer(struct simworld *world, const struct simrequest *request, struct simreply *reply)
{
    reply->status = 200;
    reply->type = SIMVIEW_JSON;
    simlog_read(world->log);
    switch (request->kind) {
    case SIMKIND_GET_STH:
        simview_get_sth(world, request, reply);
        break;
    case SIMKIND_GET_STH_CONSISTENCY:
        simview_get_sth_consistency(world, request, reply);
        break;
    case SIMKIND_GET_ENTRIES:
        simview_get_entries(world, request, reply);
        break;
    case SIMKIND_GET_PROOF_BY_HASH:
        simview_get_proof_by_hash(world, request, reply);
        break;
    case SIMKIND_GET_ENTRY_AND_PROOF:
        simview_get_entry_and_proof(world, request, reply);
        break;
    case SIMKIND_GET_ROOTS:
        simview_get_roots(world, reply);
        break;
    case SIMKIND_CHECKPOINT:
        simview_checkpoint(world, request, reply);
        break;
    case SIMKIND_TILE_HASH:
    case SIMKIND_TILE_DATA:
        simview_tile(world, request, reply);
        break;
    case SIMKIND_ISSUER:
        simview_issuer(world, request, reply);
        break;
    default:
        simview_error(reply, 404, "not found");
    }
    simlog_done(world->log);
}
