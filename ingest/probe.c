#include "ingest/probe.h"

#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "ingest/gunzip.h"
#include "ingest/proto.h"
#include "ingest/timesearch.h"
#include "parser/tile.h"

#define PROBE_WAIT_MS  30000             /* for a turn, and as long for the answer */
#define PROBE_MERGE_MS INT64_C(86400000) /* the MMD of all logs there are */

struct probe_look {
    const struct courtesy *courtesy;
    const struct ctlog *log;
    const atomic_bool *stop;
    struct gunzip *gunzip;
    struct batch batch;
    uint64_t size;
};

/* Some servers keep tiles as gzip and send them so to everybody. */
static enum err_code probe_decode(struct probe_look *look, struct span body, unsigned width, struct err *why)
{
    struct batch *batch = &look->batch;

    if (gunzip_is_gzip(body)) {
        enum err_code code =
            gunzip_run(look->gunzip, body, &batch->arena, LIMIT_JSON_BYTES, &batch->body, why);
        return code != ERR_OK ? code : proto_of(look->log->protocol)->decode(batch, width, why);
    }
    uint8_t *copy = arena_take(&batch->arena, body.len + ARENA_PADDING, 16);
    if (copy == NULL)
        return err_set(why, ERR_TOO_BIG, "%s: entry %" PRIu64 " is too large", look->log->name, batch->begin);
    memcpy(copy, body.at, body.len);
    memset(copy + body.len, 0, ARENA_PADDING);
    batch->body = span_of(copy, body.len);
    return proto_of(look->log->protocol)->decode(batch, width, why);
}

/* The timestamp of entry `index`, through the decoder of the pipeline. */
static enum err_code probe_timestamp(struct probe_look *look, uint64_t index, int64_t *timestamp_ms,
                                     struct err *why)
{
    const struct ctlog *log = look->log;
    const struct proto *proto = proto_of(log->protocol);
    struct batch *batch = &look->batch;
    uint64_t first = proto->tiles ? index - index % TILE_WIDTH : index;
    unsigned width = proto->tiles ? tile_width(0, index / TILE_WIDTH, look->size) : 1;
    char url[PROTO_URL_MAX];
    struct ask ask = {.url = url, .ceiling = LIMIT_JSON_BYTES};
    enum err_code code = ERR_OK;

    /* A partial tile may be gone once the full one exists: second round. */
    for (unsigned round = 0; code == ERR_OK && round < (proto->tiles ? 2 : 1); round++) {
        ask_fini(&ask, 1);
        proto->entries_url(log, first, first + width, round == 0 ? width : TILE_WIDTH, url);
        code = courtesy_ask(look->courtesy, log, &ask, PROBE_WAIT_MS, look->stop, why);
        bool gone = ask.code == ERR_HTTP && ask.status >= 400 && ask.status < 500;
        if (!gone || width == TILE_WIDTH)
            break;
    }
    if (code == ERR_OK && ask.code != ERR_OK)
        code = err_set(why, ask.code, "%s: %s", log->name, ask.why.text);
    if (code == ERR_OK) {
        batch_reset(batch);
        batch->log = log;
        batch->begin = first;
        batch->end = first + width;
        code = probe_decode(look, ask.body, width, why);
    }
    if (code == ERR_OK && index - batch->begin >= batch->entry_count)
        code = err_set(why, ERR_FORMAT, "%s: entry %" PRIu64 " is not in the reply", log->name, index);
    if (code == ERR_OK)
        *timestamp_ms = batch->entries[index - batch->begin].timestamp_ms;
    ask_fini(&ask, 1);
    return code;
}

static enum err_code probe_look(void *arg, uint64_t index, int64_t *timestamp_ms, bool *known,
                                struct err *why)
{
    struct probe_look *look = arg;
    enum err_code code = probe_timestamp(look, index, timestamp_ms, why);

    *known = code == ERR_OK && look->batch.entries[index - look->batch.begin].kind != ENTRY_OPAQUE;
    return code;
}

/* What a reader of the log should hear of the place where he begins. */
static void probe_say(const struct ctlog *log, const struct timesearch_place *place, int64_t time_ms)
{
    char first[TEXT_TIME_MAX];

    if (place->disorder != 0)
        say_warn(log->name,
                 "its timestamps are not in order: some entries in front of %" PRIu64
                 " may be of the time that was asked for, too; an index in place of a time is certain",
                 place->index);
    if (place->known && place->index != 0 && place->first_ms - time_ms > PROBE_MERGE_MS)
        say_warn(log->name, "its first entry of that time, %" PRIu64 ", is of %s: more than a day later",
                 place->index, text_time(place->first_ms, false, first));
}

enum err_code probe_find_time(const struct courtesy *courtesy, const struct ctlog *log, uint64_t size,
                              int64_t time_ms, const atomic_bool *stop, uint64_t *index, struct err *why)
{
    struct probe_look look = {.courtesy = courtesy, .log = log, .stop = stop, .size = size};
    struct timesearch search = {.size = size, .time_ms = time_ms, .look = probe_look, .arg = &look};
    struct timesearch_place place = {0};
    enum err_code code = ERR_OK;

    look.gunzip = gunzip_new();
    bool ready = batch_init(&look.batch, (size_t)LIMIT_BATCH_BYTES * 4) && look.gunzip != NULL;
    if (!ready)
        code = err_set(why, ERR_MEMORY, "%s: no memory to look at entries", log->name);
    if (code == ERR_OK)
        code = timesearch_run(&search, &place, why);
    batch_fini(&look.batch);
    gunzip_free(look.gunzip);
    *index = place.index;
    if (code == ERR_OK)
        probe_say(log, &place, time_ms);
    return code;
}
