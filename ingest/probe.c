#include "ingest/probe.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "ingest/proto.h"
#include "ingest/timesearch.h"
#include "parser/tile.h"

#define PROBE_TIMEOUT_MS 30000L
#define PROBE_MERGE_MS   INT64_C(86400000) /* the MMD of all logs there are */

static size_t probe_body(char *data, size_t size, size_t count, void *arg)
{
    struct buf *body = arg;

    buf_put(body, span_of(data, size * count));
    return buf_ok(body) ? size * count : 0;
}

/* GET of `url` into `body`; *status is the HTTP status. */
static enum err_code probe_get(const struct ctlog *log, const char *agent, const char *url, struct buf *body,
                               long *status, struct err *why)
{
    CURL *easy = curl_easy_init();
    CURLcode result;

    if (easy == NULL)
        return err_set(why, ERR_MEMORY, "%s: no memory for a request", log->name);
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, agent);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, PROBE_TIMEOUT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, probe_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    result = curl_easy_perform(easy);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status);
    curl_easy_cleanup(easy);
    if (!buf_ok(body))
        return err_set(why, ERR_TOO_BIG, "%s: %s answers with more bytes than it may", log->name, url);
    if (result != CURLE_OK)
        return err_set(why, ERR_NETWORK, "%s: %s can not be reached (%s)", log->name, url,
                       curl_easy_strerror(result));
    return ERR_OK;
}

enum err_code probe_read_head(const struct ctlog *log, const char *user_agent, struct probe_head *out,
                              struct err *why)
{
    const struct proto *proto = proto_of(log->protocol);
    char url[PROTO_URL_MAX];
    struct head head = {0};
    struct buf body;
    long status = 0;
    enum err_code code;

    proto->head_url(log, url);
    buf_init(&body, LIMIT_SMALL_BYTES);
    code = probe_get(log, user_agent, url, &body, &status, why);
    if (code == ERR_OK && status != 200)
        code = err_set(why, ERR_HTTP, "%s: %s answers with HTTP status %ld", log->name, url, status);
    if (code == ERR_OK)
        code = proto->head_read(log, buf_span(&body), &head, why);
    if (code == ERR_OK) {
        out->size = head.size;
        out->timestamp_ms = head.timestamp_ms;
        memcpy(out->root, head.root, sizeof out->root);
    }
    buf_fini(&body);
    return code;
}

/* The timestamp of entry `index`, through the decoder of the pipeline. */
static enum err_code probe_timestamp(const struct ctlog *log, const char *agent, struct batch *batch,
                                     uint64_t size, uint64_t index, int64_t *timestamp_ms, struct err *why)
{
    const struct proto *proto = proto_of(log->protocol);
    uint64_t first = proto->tiles ? index - index % TILE_WIDTH : index;
    unsigned width = proto->tiles ? tile_width(0, index / TILE_WIDTH, size) : 1;
    char url[PROTO_URL_MAX];
    struct buf body;
    long status = 0;
    enum err_code code = ERR_HTTP;

    buf_init(&body, LIMIT_JSON_BYTES);
    /* A partial tile may be gone once the full one exists: second round. */
    for (int round = 0; round < 2 && status != 200; round++) {
        buf_clear(&body);
        proto->entries_url(log, first, first + width, round == 0 ? width : TILE_WIDTH, url);
        code = probe_get(log, agent, url, &body, &status, why);
        if (code != ERR_OK || !proto->tiles)
            break;
    }
    if (code == ERR_OK && status != 200)
        code = err_set(why, ERR_HTTP, "%s: %s answers with HTTP status %ld", log->name, url, status);
    if (code == ERR_OK) {
        batch_reset(batch);
        batch->log = log;
        batch->begin = first;
        batch->end = first + width;
        uint8_t *copy = arena_take(&batch->arena, body.len + ARENA_PADDING, 16);
        if (copy == NULL) {
            code = err_set(why, ERR_TOO_BIG, "%s: entry %llu is too large", log->name,
                           (unsigned long long)index);
        } else {
            memcpy(copy, body.at, body.len);
            memset(copy + body.len, 0, ARENA_PADDING);
            batch->body = span_of(copy, body.len);
            code = proto->decode(batch, width, why);
        }
    }
    if (code == ERR_OK && index - batch->begin >= batch->entry_count)
        code = err_set(why, ERR_FORMAT, "%s: entry %llu is not in the reply", log->name,
                       (unsigned long long)index);
    if (code == ERR_OK)
        *timestamp_ms = batch->entries[index - batch->begin].timestamp_ms;
    buf_fini(&body);
    return code;
}

struct probe_look {
    const struct ctlog *log;
    const char *agent;
    struct batch batch;
    uint64_t size;
};

static enum err_code probe_look(void *arg, uint64_t index, int64_t *timestamp_ms, bool *known,
                                struct err *why)
{
    struct probe_look *look = arg;
    enum err_code code =
        probe_timestamp(look->log, look->agent, &look->batch, look->size, index, timestamp_ms, why);

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

enum err_code probe_find_time(const struct ctlog *log, const char *user_agent, uint64_t size, int64_t time_ms,
                              uint64_t *index, struct err *why)
{
    struct probe_look look = {.log = log, .agent = user_agent, .size = size};
    struct timesearch search = {.size = size, .time_ms = time_ms, .look = probe_look, .arg = &look};
    struct timesearch_place place = {0};

    if (!batch_init(&look.batch, (size_t)LIMIT_BATCH_BYTES * 4))
        return err_set(why, ERR_MEMORY, "%s: no memory to look at entries", log->name);
    enum err_code code = timesearch_run(&search, &place, why);
    batch_fini(&look.batch);
    *index = place.index;
    if (code == ERR_OK)
        probe_say(log, &place, time_ms);
    return code;
}
