#include "ingest/archive.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "base/thread.h"
#include "ingest/archset.h"
#include "ingest/frontier.h"
#include "ingest/statict.h"
#include "parser/tile.h"
#include "verify/checkpoint.h"
#include "verify/logkey.h"
#include "verify/merkle.h"

#define BAD_MAX    256 /* tiles that are remembered with what is wrong with them, the newest */
#define TILE_BYTES ((size_t)TILE_WIDTH * 32)
#define ROOM_BYTES (4 * LIMIT_SMALL_BYTES)

/* A hash tile that is proven to be of the signed tree. */
struct proven {
    bool known;
    uint64_t index;
    uint8_t hash[TILE_WIDTH][32];
};

struct bad {
    uint64_t tile;
    char text[ERR_TEXT_MAX];
};

struct archive {
    struct archset *set;
    struct ctlog log;
    struct head head; /* raw is `note` */
    uint8_t *note;
    size_t note_len;
    bool described;
    bool is_proven;
    char prefix[CTLOG_URL_MAX + 2];
    struct local_source local;
    struct lock lock; /* guards what follows, and the set, once the pipeline runs */
    struct arena room;
    struct proven edge[STATICT_LEVELS]; /* the partial tiles at the right edge */
    struct proven full[STATICT_LEVELS]; /* the full tile of each level that was used last */
    struct bad bad[BAD_MAX];
    size_t bad_count;
};

static void answer(void *arg, const char *path, const struct wire_ask *ask, struct wire_reply *reply);

struct archive *archive_new(void)
{
    struct archive *archive = calloc(1, sizeof(*archive));
    if (archive == NULL)
        return NULL;
    archive->set = archset_new();
    thread_lock_init(&archive->lock);
    if (archive->set == NULL || !arena_init(&archive->room, ROOM_BYTES)) {
        archset_free(archive->set);
        free(archive);
        return NULL;
    }
    return archive;
}

void archive_free(struct archive *archive)
{
    if (archive == NULL)
        return;
    archset_free(archive->set);
    arena_fini(&archive->room);
    thread_lock_fini(&archive->lock);
    free(archive->note);
    free(archive);
}

/* Description -------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *root, const char *name)
{
    const json_t *value = json_object_get(root, name);
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == json_string_length(value) ? text : "";
}

/* The origin: the URL of an RFC 6962 log, else that for submissions, without scheme and final slash. */
static enum err_code read_origin(const json_t *root, struct ctlog *log, struct err *why)
{
    const char *url =
        text_of(root, "url")[0] != '\0' ? text_of(root, "url") : text_of(root, "submission_url");
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    size_t len = strlen(host);
    while (len > 0 && host[len - 1] == '/')
        len--;
    bool plain = len > 0 && len < CTLOG_URL_MAX - 16;
    for (size_t i = 0; plain && i < len; i++)
        plain = host[i] > ' ' && host[i] <= '~';
    if (!plain)
        return err_set(why, ERR_FORMAT, "log.v3.json: the URL of the log is missing or none");
    (void)snprintf(log->origin, sizeof(log->origin), "%.*s", (int)len, host);
    (void)snprintf(log->submission_url, sizeof(log->submission_url), "https://%.*s", (int)len, host);
    (void)snprintf(log->url, sizeof(log->url), "archive://%.*s", (int)len, host);
    (void)snprintf(log->name, sizeof(log->name), "%.*s", (int)len, host);
    return ERR_OK;
}

static enum err_code read_description(struct span json, struct ctlog *log, struct err *why)
{
    uint8_t log_id[32];
    uint8_t key[CTLOG_KEY_MAX];
    size_t len = 0;
    json_error_t error;
    json_t *root = json_loadb((const char *)json.at, json.len, 0, &error);
    if (root == NULL)
        return err_set(why, ERR_FORMAT, "log.v3.json: %s", error.text);
    enum err_code code = ERR_OK;
    *log = (struct ctlog){.protocol = CTLOG_ARCHIVE};
    if (!text_unbase64(span_str(text_of(root, "key")), key, sizeof(key), &len))
        code = err_set(why, ERR_KEY, "log.v3.json: the key is missing or no base64");
    if (code == ERR_OK)
        code = logkey_set(log, span_of(key, len), why);
    bool has = text_of(root, "log_id")[0] != '\0';
    if (code == ERR_OK && has &&
        (!text_unbase64(span_str(text_of(root, "log_id")), log_id, 32, &len) || len != 32 ||
         memcmp(log_id, log->log_id, 32) != 0))
        code = err_set(why, ERR_KEY, "log.v3.json: the log id is not that of the key");
    if (code == ERR_OK)
        code = read_origin(root, log, why);
    json_decref(root);
    return code;
}

/* The unverified size and root of a checkpoint: its second and third line. */
static bool same_tree(struct span a, struct span b)
{
    size_t lines = 0;
    size_t at = 0;
    while (at < a.len && at < b.len && a.at[at] == b.at[at] && lines < 3)
        lines += a.at[at++] == '\n';
    return lines == 3;
}

static enum err_code first_of(struct archive *archive, const struct ctlog *log, struct span note,
                              struct err *why)
{
    struct head head;
    enum err_code code = checkpoint_read(log, note, &head, why);
    if (code != ERR_OK)
        return code;
    archive->note = malloc(note.len + 1);
    if (archive->note == NULL)
        return err_set(why, ERR_MEMORY, "out of memory");
    memcpy(archive->note, note.at, note.len);
    archive->note_len = note.len;
    archive->log = *log;
    archive->head = head;
    archive->head.raw = span_of(archive->note, archive->note_len);
    (void)snprintf(archive->prefix, sizeof(archive->prefix), "%s/", log->url);
    archive->local = (struct local_source){archive->prefix, answer, archive};
    archive->described = true;
    return ERR_OK;
}

static enum err_code documents(struct archive *archive, struct zipfile *zip, struct err *why)
{
    struct span note;
    struct span json;
    struct ctlog log;
    arena_reset(&archive->room, LIMIT_SMALL_BYTES);
    enum err_code code =
        zipfile_read(zip, "checkpoint", false, &archive->room, LIMIT_SMALL_BYTES, &note, why);
    if (code == ERR_OK)
        code = zipfile_read(zip, "log.v3.json", false, &archive->room, LIMIT_SMALL_BYTES, &json, why);
    if (code == ERR_NOT_FOUND) { /* of a member: for the caller the form of the file is wrong */
        why->code = ERR_FORMAT;
        return ERR_FORMAT;
    }
    if (code == ERR_OK)
        code = read_description(json, &log, why);
    if (code != ERR_OK)
        return code;
    if (!archive->described)
        return first_of(archive, &log, note, why);
    if (memcmp(log.log_id, archive->log.log_id, 32) != 0 || strcmp(log.origin, archive->log.origin) != 0)
        return err_set(why, ERR_INCONSISTENT, "it is of another log (%s) than the files before it",
                       log.origin);
    if (!same_tree(note, archive->head.raw))
        return err_set(why, ERR_INCONSISTENT, "it is of another tree of that log than the files before it");
    return ERR_OK;
}

enum err_code archive_add(struct archive *archive, const char *path, struct err *why)
{
    struct zipfile *zip;
    must(!archive->is_proven);
    enum err_code code = zipfile_open(path, &zip, why);
    if (code != ERR_OK)
        return code;
    code = documents(archive, zip, why);
    if (code != ERR_OK) {
        zipfile_close(zip);
        return strncmp(why->text, path, strlen(path)) == 0 ? code : err_prefix(why, "%s", path);
    }
    return archset_add(archive->set, path, zip, archive->head.size, why);
}

const struct ctlog *archive_log(const struct archive *archive)
{
    return &archive->log;
}

const struct head *archive_head(const struct archive *archive)
{
    return &archive->head;
}

size_t archive_files(const struct archive *archive)
{
    return archset_count(archive->set);
}

/* Hash tiles -----------------------------------------------------------------------------------------------
 */

/* The data tile around which a hash tile lies in the files. */
static uint64_t place_of(int level, uint64_t index)
{
    if (level > 2)
        return ARCHSET_ANY;
    return index << (8 * (unsigned)level);
}

static enum err_code hash_tile(struct archive *archive, int level, uint64_t index, unsigned width,
                               struct proven *out, struct err *why)
{
    char path[TILE_PATH_MAX];
    struct span body;
    (void)tile_path(level, index, width, path);
    arena_reset(&archive->room, LIMIT_SMALL_BYTES);
    uint64_t place = width < TILE_WIDTH ? ARCHSET_ANY : place_of(level, index);
    enum err_code code =
        archset_read(archive->set, path, place, false, &archive->room, LIMIT_SMALL_BYTES, &body, why);
    if (code != ERR_OK)
        return code;
    if (body.len != 32 * (size_t)width)
        return err_set(why, ERR_FORMAT, "%s: %zu bytes instead of %u hashes", path, body.len, width);
    memcpy(out->hash, body.at, body.len);
    out->index = index;
    return ERR_OK;
}

static void fold(const uint8_t hash[TILE_WIDTH][32], uint8_t root[32])
{
    uint8_t node[TILE_WIDTH / 2][32];
    for (unsigned i = 0; i < TILE_WIDTH / 2; i++)
        merkle_node_hash(hash[2 * i], hash[2 * i + 1], node[i]);
    for (unsigned left = TILE_WIDTH / 2; left > 1; left /= 2)
        for (unsigned i = 0; i < left / 2; i++)
            merkle_node_hash(node[2 * i], node[2 * i + 1], node[i]);
    memcpy(root, node[0], 32);
}

/* NULL: not proven yet, or no longer remembered. */
static const struct proven *known(const struct archive *archive, int level, uint64_t index)
{
    bool edge = tile_width(level, index, archive->head.size) < TILE_WIDTH;
    const struct proven *tile = edge ? &archive->edge[level] : &archive->full[level];
    return tile->known && tile->index == index ? tile : NULL;
}

/* The tile, proven by those above it, up to one that is proven already: one at the right edge is. */
static enum err_code proven_tile(struct archive *archive, int level, uint64_t index,
                                 const struct proven **out, struct err *why)
{
    int top = level;
    const struct proven *above = known(archive, top, index);
    while (above == NULL && top + 1 < STATICT_LEVELS) {
        top++;
        above = known(archive, top, index >> (8 * (unsigned)(top - level)));
    }
    if (above == NULL)
        return err_set(why, ERR_PROOF, "the hash tiles do not lead to the signed root");
    while (top > level) {
        uint8_t root[32];
        uint64_t at = index >> (8 * (unsigned)(--top - level));
        struct proven *tile = &archive->full[top];
        tile->known = false;
        enum err_code code = hash_tile(archive, top, at, TILE_WIDTH, tile, why);
        if (code != ERR_OK)
            return code;
        fold((const uint8_t(*)[32])tile->hash, root);
        if (memcmp(root, above->hash[at % TILE_WIDTH], 32) != 0)
            return err_set(why, ERR_PROOF, "hash tile %" PRIu64 " of level %d is not of the signed tree", at,
                           top);
        tile->known = true;
        above = tile;
    }
    *out = above;
    return ERR_OK;
}

enum err_code archive_prove(struct archive *archive, struct err *why)
{
    struct frontier frontier;
    struct head head;
    char url[PROTO_URL_MAX];
    enum err_code code = checkpoint_verify(&archive->log, archive->head.raw, &head, why);
    if (code != ERR_OK)
        return err_prefix(why, "checkpoint");
    archive->head = head;
    archive->is_proven = true;
    if (head.size == 0)
        return ERR_OK;
    frontier_begin(&frontier, true, head.size, &head);
    while (frontier_url(&frontier, &archive->log, url, &code)) {
        int level = frontier.level;
        struct proven *tile = &archive->edge[level];
        uint64_t index = head.size >> (8 * (unsigned)(level + 1));
        code = hash_tile(archive, level, index, frontier.width, tile, why);
        if (code == ERR_OK)
            code = frontier_take(&frontier, span_of(tile->hash, 32 * (size_t)frontier.width), why);
        if (code != ERR_OK)
            return code;
        tile->known = true;
    }
    return code == ERR_OK ? ERR_OK
                          : err_set(why, code, "the hash tiles do not give the root of the checkpoint");
}

enum err_code archive_frontier(struct archive *archive, uint64_t size, struct compact *out, struct err *why)
{
    enum err_code code = ERR_OK;
    size_t at = 0;
    must(archive->is_proven && size <= archive->head.size);
    *out = (struct compact){.size = size};
    thread_lock(&archive->lock);
    for (int level = STATICT_LEVELS - 1; code == ERR_OK && level >= 0; level--) {
        const struct proven *tile = NULL;
        unsigned count = (unsigned)(size >> (8 * (unsigned)level) & 0xff);
        if (count == 0)
            continue;
        code = proven_tile(archive, level, size >> (8 * (unsigned)(level + 1)), &tile, why);
        if (code == ERR_OK)
            must(statict_hash_nodes(span_of(tile->hash, 32 * (size_t)count), count, out->hash, &at));
    }
    thread_unlock(&archive->lock);
    must(code != ERR_OK || at == compact_count(out));
    return code;
}

/* Stretches ---------------------------------------------------------------------------------------------- */

static uint64_t tile_end(const struct archive *archive, uint64_t tile)
{
    uint64_t end = (tile + 1) * TILE_WIDTH;
    return end < archive->head.size ? end : archive->head.size;
}

size_t archive_there(const struct archive *archive, struct archive_stretch *out, size_t max)
{
    size_t tiles = 0;
    size_t count = 0;
    const uint64_t *tile = archset_tiles(archive->set, &tiles);
    for (size_t i = 0; i < tiles;) {
        size_t next = i + 1;
        while (next < tiles && tile[next] == tile[next - 1] + 1)
            next++;
        if (count < max)
            out[count] = (struct archive_stretch){tile[i] * TILE_WIDTH, tile_end(archive, tile[next - 1])};
        count++;
        i = next;
    }
    return count;
}

/* Tiles [from, to) are not there. */
static void torn_put(const struct archive *archive, uint64_t from, uint64_t to, struct archive_stretch *out,
                     size_t max, size_t *count)
{
    if (from >= to)
        return;
    if (*count < max)
        out[*count] = (struct archive_stretch){from * TILE_WIDTH, tile_end(archive, to - 1)};
    ++*count;
}

size_t archive_torn(const struct archive *archive, struct archive_stretch *out, size_t max)
{
    size_t tiles = 0;
    size_t count = 0;
    const uint64_t *tile = archset_tiles(archive->set, &tiles);
    uint64_t all = archive->head.size / TILE_WIDTH + (archive->head.size % TILE_WIDTH != 0);
    for (size_t i = 0; i <= tiles && tiles != 0; i++) {
        /* Between two tiles; of what a file that has neither would hold, nothing is expected. */
        uint64_t from = i == 0 ? tile[0] - tile[0] % ARCHIVE_FILE_TILES : tile[i - 1] + 1;
        uint64_t to = i == tiles ? all : tile[i];
        uint64_t border = i == 0 ? to : tile[i - 1] - tile[i - 1] % ARCHIVE_FILE_TILES + ARCHIVE_FILE_TILES;
        uint64_t begin = i == tiles ? to : tile[i] - tile[i] % ARCHIVE_FILE_TILES;
        if (begin <= border) {
            torn_put(archive, from, to, out, max, &count);
            continue;
        }
        torn_put(archive, from, border, out, max, &count);
        torn_put(archive, begin, to, out, max, &count);
    }
    return count;
}

/* Source ------------------------------------------------------------------------------------------------- */

static void bad_note(struct archive *archive, uint64_t tile, const char *text)
{
    struct bad *bad = NULL;
    for (size_t i = 0; bad == NULL && i < archive->bad_count && i < BAD_MAX; i++)
        if (archive->bad[i].tile == tile)
            bad = &archive->bad[i];
    if (bad == NULL)
        bad = &archive->bad[archive->bad_count++ % BAD_MAX];
    bad->tile = tile;
    (void)snprintf(bad->text, sizeof(bad->text), "%s", text);
}

bool archive_bad(struct archive *archive, uint64_t index, char *text, size_t cap)
{
    bool found = false;
    thread_lock(&archive->lock);
    for (size_t i = 0; !found && i < archive->bad_count && i < BAD_MAX; i++) {
        found = archive->bad[i].tile == index / TILE_WIDTH;
        if (found)
            (void)snprintf(text, cap, "%s", archive->bad[i].text);
    }
    thread_unlock(&archive->lock);
    return found;
}

/* Level (-1: data) and number of the tile that a path names; false: it names none. */
static bool tile_of(const char *path, int *level, uint64_t *index)
{
    bool data = strncmp(path, "tile/data/", 10) == 0;
    bool hash = !data && strncmp(path, "tile/", 5) == 0 && path[5] >= '0' && path[5] <= '5' && path[6] == '/';
    *level = data ? -1 : path[data || hash ? 5 : 0] - '0';
    *index = 0;
    for (const char *at = path + (data ? 10 : 7); (data || hash) && *at != '\0' && *at != '.'; at++)
        if (*at >= '0' && *at <= '9')
            *index = 10 * *index + (uint64_t)(*at - '0');
    return data || hash;
}

static void answer(void *arg, const char *path, const struct wire_ask *ask, struct wire_reply *reply)
{
    struct archive *archive = arg;
    int level = 0;
    uint64_t index = 0;
    bool tile = tile_of(path, &level, &index);
    uint64_t place = !tile || level > 2 ? ARCHSET_ANY : place_of(level < 0 ? 0 : level, index);
    thread_lock(&archive->lock);
    if (strcmp(path, "checkpoint") == 0) {
        reply->body = arena_copy(ask->arena, archive->head.raw);
        reply->code =
            reply->body.at == NULL ? err_set(&reply->why, ERR_TOO_BIG, "checkpoint: no room") : ERR_OK;
    } else {
        reply->code = archset_read(archive->set, path, place, ask->gzip, ask->arena, ask->ceiling,
                                   &reply->body, &reply->why);
    }
    if (tile && level < 0 && (reply->code == ERR_NOT_FOUND || reply->code == ERR_FORMAT))
        bad_note(archive, index, reply->why.text);
    thread_unlock(&archive->lock);
    reply->status = reply->code == ERR_NOT_FOUND ? 404 : 200;
    if (reply->code == ERR_NOT_FOUND)
        reply->why.code = reply->code = ERR_HTTP;
}

/* Whole tiles are held against one hash of the level above, which is read once for 65,536 entries. */
static enum err_code judge_tile(struct archive *archive, const struct batch *batch, struct err *why)
{
    uint64_t tile = batch->begin / TILE_WIDTH;
    const struct proven *proven = NULL;
    bool whole = batch->begin % TILE_WIDTH == 0 && batch->entry_count == TILE_WIDTH;
    enum err_code code = proven_tile(archive, whole ? 1 : 0, whole ? tile / TILE_WIDTH : tile, &proven, why);
    if (code == ERR_OK && whole) {
        uint8_t leaf[TILE_WIDTH][32];
        uint8_t root[32];
        for (size_t i = 0; i < TILE_WIDTH; i++)
            memcpy(leaf[i], batch->entries[i].leaf_hash, 32);
        fold((const uint8_t(*)[32])leaf, root);
        if (memcmp(root, proven->hash[tile % TILE_WIDTH], 32) == 0)
            return ERR_OK;
        code = proven_tile(archive, 0, tile, &proven, why); /* which entry is it? */
    }
    if (code != ERR_OK)
        return err_prefix(why, "data tile %" PRIu64 " can not be proven", tile);
    must(proven != NULL);
    for (size_t i = 0; i < batch->entry_count; i++)
        if (memcmp(batch->entries[i].leaf_hash, proven->hash[(batch->begin + i) % TILE_WIDTH], 32) != 0)
            return err_set(why, ERR_FORMAT,
                           "data tile %" PRIu64 ": entry %" PRIu64 " is not the one of the signed tree", tile,
                           batch->begin + i);
    return ERR_OK;
}

static enum err_code judge(void *arg, const struct batch *batch, enum err_code code, struct err *why)
{
    struct archive *archive = arg;
    if (code == ERR_TOO_BIG || code == ERR_MEMORY)
        return code; /* it will be read into more room */
    thread_lock(&archive->lock);
    if (code == ERR_OK)
        code = judge_tile(archive, batch, why);
    if (code != ERR_OK && strstr(why->text, "data tile") == NULL)
        err_prefix(why, "data tile %" PRIu64, batch->begin / TILE_WIDTH);
    if (code != ERR_OK)
        bad_note(archive, batch->begin / TILE_WIDTH, why->text);
    thread_unlock(&archive->lock);
    if (code == ERR_OK || code == ERR_HTTP)
        return code;
    why->code = ERR_HTTP; /* not for people as an entry nobody can read: it is the archive that is damaged */
    return ERR_HTTP;
}

struct pipe_source archive_source(struct archive *archive)
{
    must(archive->is_proven);
    return (struct pipe_source){&archive->local, judge, archive};
}
