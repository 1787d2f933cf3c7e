#include "ingest/probe.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/limits.h"
#include "ingest/proto.h"
#include "parser/tile.h"

#define PROBE_TIMEOUT_MS 30000L

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

enum err_code probe_find_time(const struct ctlog *log, const char *user_agent, uint64_t size, int64_t time_ms,
                              uint64_t *index, struct err *why)
{
    struct batch batch;
    uint64_t low = 0;
    uint64_t high = size;
    enum err_code code = ERR_OK;

    if (!batch_init(&batch, (size_t)LIMIT_BATCH_BYTES * 4))
        return err_set(why, ERR_MEMORY, "%s: no memory to look at entries", log->name);
    while (code == ERR_OK && low < high) {
        uint64_t middle = low + (high - low) / 2;
        int64_t timestamp_ms = 0;
        code = probe_timestamp(log, user_agent, &batch, size, middle, &timestamp_ms, why);
        if (timestamp_ms < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    batch_fini(&batch);
    *index = low;
    return code;
}
