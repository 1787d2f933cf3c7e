#include "ingest/refetch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "ingest/gunzip.h"
#include "ingest/host.h"
#include "ingest/proto.h"
#include "ingest/work.h"
#include "parser/tile.h"

#define TURN_MS     50
#define TRIES       3 /* of one document that does not come whole */
#define CONNECTIONS 2
#define AGAIN_MS    500

struct refetch {
    struct refetch_options options;
    struct sources sources;
    struct host_table hosts;
    struct pacer *pacer;
    bool started;
    struct wire *wire;
    struct gunzip *gunzip;
    struct batch batch;
    bool has_batch;
    bool done; /* of the request under way */
    struct wire_reply reply;
};

static enum err_code begin(struct refetch *refetch, struct err *why)
{
    const struct refetch_options *options = &refetch->options;
    const char *addresses = options->source_addresses == NULL ? "" : options->source_addresses;
    enum err_code code = sources_read(addresses, &refetch->sources, why);
    if (code == ERR_OK)
        code = wire_new(options->user_agent, CONNECTIONS, &refetch->wire, why);
    if (code != ERR_OK)
        return code;
    refetch->pacer = pacer_new(&(struct pacer_options){.store_open = options->store_open,
                                                       .store_arg = options->store_arg,
                                                       .requests_per_s = options->requests_per_s});
    refetch->gunzip = gunzip_new();
    refetch->has_batch = batch_init(&refetch->batch, LIMIT_BIG_BATCH_BYTES);
    if (refetch->pacer == NULL || refetch->gunzip == NULL || !refetch->has_batch)
        return err_set(why, ERR_MEMORY, "no memory to read from logs");
    refetch->hosts = (struct host_table){
        .pacer = refetch->pacer,
        .sources = &refetch->sources,
        .connections = CONNECTIONS,
        .http2 = options->http2 == NULL ? "" : options->http2,
        .no_keepalive = options->no_keepalive == NULL ? "" : options->no_keepalive,
    };
    pacer_start(refetch->pacer);
    refetch->started = options->store_open != NULL;
    return ERR_OK;
}

enum err_code refetch_new(const struct refetch_options *options, struct refetch **out, struct err *why)
{
    struct refetch *refetch = calloc(1, sizeof *refetch);
    *out = NULL;
    if (refetch == NULL)
        return err_set(why, ERR_MEMORY, "no memory to read from logs");
    refetch->options = *options;
    refetch->options.wait_ms = options->wait_ms == 0 ? REFETCH_WAIT_MS : options->wait_ms;
    enum err_code code = begin(refetch, why);
    if (code == ERR_OK)
        *out = refetch;
    else
        refetch_free(refetch);
    return code;
}

void refetch_free(struct refetch *refetch)
{
    if (refetch == NULL)
        return;
    host_free_all(&refetch->hosts);
    if (refetch->started)
        pacer_stop(refetch->pacer);
    pacer_free(refetch->pacer);
    if (refetch->wire != NULL)
        wire_free(refetch->wire);
    gunzip_free(refetch->gunzip);
    if (refetch->has_batch)
        batch_fini(&refetch->batch);
    free(refetch);
}

static bool is_stopping(const struct refetch *refetch)
{
    return refetch->options.stopping != NULL && refetch->options.stopping();
}

static enum err_code stopped(struct err *why)
{
    return err_set(why, ERR_CLOSED, "stopped");
}

static enum err_code left_alone(int64_t wait_ms, struct err *why)
{
    err_clear(why);
    return err_set(why, ERR_HTTP_BUSY, "its operator asks to be left alone for %" PRId64 " s more",
                   wait_ms / 1000 + 1);
}

/* Until a request may go out. */
static enum err_code wait_turn(const struct refetch *refetch, struct host *host, int64_t until_ms,
                               struct err *why)
{
    for (;;) {
        int64_t now_ms = clock_mono_ms();
        int64_t wait_ms = host_wait(host, false, now_ms);
        int64_t hold_ms = host_hold_until(host);
        if (is_stopping(refetch))
            return stopped(why);
        if (wait_ms <= 0)
            return ERR_OK;
        if (hold_ms > until_ms)
            return left_alone(hold_ms - now_ms, why);
        if (now_ms >= until_ms)
            return err_set(why, ERR_TIMEOUT, "its operator's budget is used up by those who read logs");
        clock_sleep_ms(wait_ms < TURN_MS ? wait_ms : TURN_MS);
    }
}

static void done(void *arg, const struct wire_reply *reply)
{
    struct refetch *refetch = arg;
    refetch->reply = *reply;
    refetch->done = true;
}

/* One request; the body lands in the arena of the batch, which holds nothing else. */
static enum err_code ask_once(struct refetch *refetch, struct host *host, const char *url, int64_t until_ms,
                              struct err *why)
{
    struct wire_ask ask = {.url = url,
                           .arena = &refetch->batch.arena,
                           .ceiling = LIMIT_JSON_BYTES,
                           .gzip = true,
                           .done = done,
                           .arg = refetch};
    struct host_permit permit;
    enum err_code code = wait_turn(refetch, host, until_ms, why);
    if (code != ERR_OK)
        return code;
    batch_reset(&refetch->batch);
    refetch->done = false;
    host_send(host, &ask, false, &permit, clock_mono_ms());
    code = wire_get(refetch->wire, &ask, why);
    if (code != ERR_OK) {
        host_unsent(&permit);
        return code;
    }
    while (!refetch->done) {
        wire_turn(refetch->wire, TURN_MS);
        if (!refetch->done && (clock_mono_ms() > until_ms || is_stopping(refetch)))
            wire_drop(refetch->wire, refetch);
    }
    host_answer(&permit, &refetch->reply, clock_mono_ms());
    if (is_stopping(refetch))
        return stopped(why);
    refetch->batch.body = refetch->reply.body;
    if (refetch->reply.code != ERR_OK)
        *why = refetch->reply.why;
    return refetch->reply.code;
}

static bool may_heal(const struct refetch *refetch, enum err_code code)
{
    if (code == ERR_HTTP)
        return refetch->reply.status >= 500;
    return code == ERR_HTTP_BUSY || code == ERR_NETWORK;
}

static enum err_code ask(struct refetch *refetch, const struct ctlog *log, const char *url, struct err *why)
{
    int64_t until_ms = clock_mono_ms() + refetch->options.wait_ms;
    struct host *host = host_of(&refetch->hosts, log, clock_mono_ms());
    enum err_code code = ERR_OK;
    if (host == NULL)
        return err_set(why, ERR_MEMORY, "no memory for its server");
    refetch->reply = (struct wire_reply){0};
    for (int i = 0; i < TRIES; i++) {
        err_clear(why);
        code = ask_once(refetch, host, url, until_ms, why);
        int64_t pause_ms =
            refetch->reply.retry_after_ms > AGAIN_MS ? refetch->reply.retry_after_ms : AGAIN_MS;
        if (!may_heal(refetch, code) || i + 1 == TRIES)
            return code;
        if (clock_mono_ms() + pause_ms > until_ms)
            return code == ERR_HTTP_BUSY ? left_alone(pause_ms, why) : code;
        clock_sleep_ms(AGAIN_MS); /* the rest of it is the budget's business */
    }
    return code;
}

static enum err_code decode(struct refetch *refetch, const struct ctlog *log, const struct proto *proto,
                            uint64_t index, unsigned width, const struct entry **entry, struct err *why)
{
    struct batch *batch = &refetch->batch;
    batch->log = log;
    batch->begin = index;
    batch->end = index + 1;
    batch->big = true; /* it is read alone, and there is nothing smaller */
    enum err_code code = work_decode(proto, batch, width, refetch->gunzip, why);
    batch->big = false;
    if (code != ERR_OK)
        return code;
    for (size_t i = 0; i < batch->entry_count; i++) {
        if (batch->entries[i].index != index)
            continue;
        *entry = &batch->entries[i];
        return ERR_OK;
    }
    return err_set(why, ERR_FORMAT, "the reply does not hold the entry");
}

static enum err_code by_page(struct refetch *refetch, const struct ctlog *log, uint64_t index,
                             const struct entry **entry, struct err *why)
{
    const struct proto *proto = proto_of(log->protocol);
    char url[PROTO_URL_MAX];
    proto->entries_url(log, index, index + 1, 1, url);
    enum err_code code = ask(refetch, log, url, why);
    return code == ERR_OK ? decode(refetch, log, proto, index, 1, entry, why) : code;
}

static enum err_code by_tile(struct refetch *refetch, const struct ctlog *log, const struct proto *proto,
                             uint64_t index, unsigned width, const struct entry **entry, struct err *why)
{
    char url[PROTO_URL_MAX];
    uint64_t first = index - index % TILE_WIDTH;
    proto->entries_url(log, first, first + width, width, url);
    enum err_code code = ask(refetch, log, url, why);
    return code == ERR_OK ? decode(refetch, log, proto, index, width, entry, why) : code;
}

static enum err_code size_now(struct refetch *refetch, const struct ctlog *log, uint64_t *size,
                              struct err *why)
{
    char url[PROTO_URL_MAX];
    struct head head = {0};
    proto_of(log->protocol)->head_url(log, url);
    enum err_code code = ask(refetch, log, url, why);
    if (code == ERR_OK && gunzip_is_gzip(refetch->batch.body))
        code = gunzip_run(refetch->gunzip, refetch->batch.body, &refetch->batch.arena, LIMIT_SMALL_BYTES,
                          &refetch->batch.body, why);
    if (code == ERR_OK)
        code = proto_of(log->protocol)->head_read(log, refetch->batch.body, &head, why);
    *size = head.size;
    return code;
}

/* The last tile grows: the partial one that we know of may be gone, and the full one not be there yet. */
static enum err_code by_growing_tile(struct refetch *refetch, const struct ctlog *log, uint64_t index,
                                     uint64_t log_size, const struct entry **entry, struct err *why)
{
    const struct proto *proto = proto_of(log->protocol);
    uint64_t tile = index / TILE_WIDTH;
    unsigned at = (unsigned)(index % TILE_WIDTH);
    unsigned width = tile_width(0, tile, log_size);
    width = width > at ? width : TILE_WIDTH;
    enum err_code code = by_tile(refetch, log, proto, index, width, entry, why);
    if (code == ERR_HTTP && width != TILE_WIDTH)
        code = by_tile(refetch, log, proto, index, TILE_WIDTH, entry, why);
    if (code != ERR_HTTP || refetch->reply.status >= 500)
        return code;
    struct err first = *why;
    code = size_now(refetch, log, &log_size, why);
    unsigned now = tile_width(0, tile, log_size);
    if (code == ERR_OK && now > at && now != width && now != TILE_WIDTH)
        return by_tile(refetch, log, proto, index, now, entry, why);
    if (code == ERR_OK)
        *why = first;
    return code == ERR_OK ? ERR_HTTP : code;
}

enum err_code refetch_entry(struct refetch *refetch, const struct ctlog *log, uint64_t index,
                            uint64_t log_size, const struct entry **entry, struct err *why)
{
    const struct proto *tiles = proto_tile(log->protocol);
    *entry = NULL;
    if (log->protocol == CTLOG_ARCHIVE)
        return err_set(why, ERR_UNSUPPORTED,
                       "it was read from the files of an archive, and no server has it");
    if (log->protocol == CTLOG_STATIC_CT)
        return by_growing_tile(refetch, log, index, log_size, entry, why);
    if (tiles != NULL && tile_width(0, index / TILE_WIDTH, log_size) == TILE_WIDTH &&
        by_tile(refetch, log, tiles, index, TILE_WIDTH, entry, why) == ERR_OK)
        return ERR_OK;
    if (is_stopping(refetch))
        return stopped(why);
    err_clear(why);
    return by_page(refetch, log, index, entry, why);
}
