#include "ingest/wire.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/metric.h"
#include "base/rate.h"
#include "ingest/local.h"
#include "ingest/sources.h"

#define CALL_MAGIC 0x43414c4cu

struct call {
    uint32_t magic;
    struct call *link; /* of the free list, or of those under way */
    struct wire *wire;
    CURL *easy;
    struct wire_ask ask;
    uint8_t *at;
    size_t len;
    size_t cap;
    bool too_big;
    int64_t retry_after_ms;
    char retry_after[64]; /* as the server wrote it */
    char etag[WIRE_ETAG_MAX];
    struct curl_slist *headers; /* of this request alone; NULL: the shared ones */
    char text[CURL_ERROR_SIZE];
};

struct wire {
    CURLM *multi;
    struct curl_slist *accept_gzip;
    struct curl_slist *accept_plain;
    const char *user_agent;
    struct call *idle;
    struct call *busy;
    unsigned count;
    struct local local;
    uint64_t bytes;
};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;

static void global_init(void)
{
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

enum err_code wire_new(const char *user_agent, unsigned connections, struct wire **out, struct err *why)
{
    pthread_once(&global_once, global_init);
    struct wire *wire = calloc(1, sizeof(*wire));
    if (wire == NULL)
        return err_set(why, ERR_MEMORY, "fetch loop: out of memory");
    wire->user_agent = user_agent;
    wire->multi = curl_multi_init();
    /* curl's own decoding has no ceiling, so it only negotiates and the bytes stay as sent. */
    wire->accept_gzip = curl_slist_append(NULL, "Accept-Encoding: gzip, identity");
    wire->accept_plain = curl_slist_append(NULL, "Accept-Encoding: identity");
    if (wire->multi == NULL || wire->accept_gzip == NULL || wire->accept_plain == NULL) {
        wire_free(wire);
        return err_set(why, ERR_MEMORY, "fetch loop: out of memory");
    }
    /* One more than the entries may use, so that a head never waits behind them. */
    curl_multi_setopt(wire->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections + 1);
    curl_multi_setopt(wire->multi, CURLMOPT_MAXCONNECTS, (long)LIMIT_LOGS);
    *out = wire;
    return ERR_OK;
}

void wire_local(struct wire *wire, const struct local_source *source)
{
    wire->local.source = *source;
}

void wire_free(struct wire *wire)
{
    if (wire == NULL)
        return;
    must(wire->busy == NULL && wire->local.count == 0);
    while (wire->idle != NULL) {
        struct call *call = wire->idle;
        wire->idle = call->link;
        curl_easy_cleanup(call->easy);
        free(call);
    }
    curl_slist_free_all(wire->accept_gzip);
    curl_slist_free_all(wire->accept_plain);
    if (wire->multi != NULL)
        curl_multi_cleanup(wire->multi);
    free(wire);
}

static bool call_room(struct call *call, size_t more)
{
    if (more > call->ask.ceiling - call->len)
        return false;
    if (call->at == NULL) {
        call->at = arena_take(call->ask.arena, more, 16);
        call->cap = more;
        return call->at != NULL;
    }
    if (call->len + more <= call->cap)
        return true;
    if (!arena_grow(call->ask.arena, call->at, call->cap, call->len + more))
        return false;
    call->cap = call->len + more;
    return true;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    must(call->magic == CALL_MAGIC);
    size_t len = size * count;
    if (len == 0)
        return 0;
    call->wire->bytes += len;
    if (!call_room(call, len)) {
        call->too_big = true;
        return 0;
    }
    memcpy(call->at + call->len, bytes, len);
    call->len += len;
    return len;
}

/* The value of a header line; SPAN_NONE: it is another one. */
static struct span header_value(const char *bytes, size_t len, const char *name)
{
    size_t skip = strlen(name);
    if (len <= skip || strncasecmp(bytes, name, skip) != 0)
        return SPAN_NONE;
    struct span value = span_of(bytes + skip, len - skip);
    while (value.len != 0 && (value.at[0] == ' ' || value.at[0] == '\t'))
        value = span_part(value, 1, value.len);
    while (value.len != 0 && value.at[value.len - 1] <= ' ')
        value.len--;
    return value;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct call *call = arg;
    size_t len = size * count;
    call->wire->bytes += len;
    struct span value = header_value(bytes, len, "retry-after:");
    if (value.at != NULL) {
        call->retry_after_ms = rate_retry_after_ms(value, clock_wall_ms(), LIMIT_RETRY_AFTER_MS);
        size_t shown = value.len < sizeof(call->retry_after) ? value.len : sizeof(call->retry_after) - 1;
        for (size_t i = 0; i < shown; i++)
            call->retry_after[i] = value.at[i] >= ' ' && value.at[i] <= '~' ? (char)value.at[i] : '?';
        call->retry_after[shown] = '\0';
    }
    value = header_value(bytes, len, "etag:");
    if (value.at != NULL && value.len < sizeof(call->etag)) {
        bool plain = true; /* it is sent back as it came, so it must be a header */
        for (size_t i = 0; i < value.len; i++)
            plain = plain && value.at[i] > ' ' && value.at[i] <= '~';
        memcpy(call->etag, value.at, value.len);
        call->etag[plain ? value.len : 0] = '\0';
    }
    return len;
}

static bool call_setup(struct call *call)
{
    CURL *easy = call->easy;
    CURLcode bad = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, call->wire->user_agent);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 512L * 1024);
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)WIRE_CONNECT_MS);
    bad |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)WIRE_STALL_BYTES);
    bad |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)WIRE_STALL_S);
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)WIRE_TOTAL_MS);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->text);
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    return bad == CURLE_OK;
}

static struct call *call_get(struct wire *wire)
{
    struct call *call = wire->idle;
    if (call != NULL) {
        wire->idle = call->link;
        return call;
    }
    call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    call->magic = CALL_MAGIC;
    call->wire = wire;
    call->easy = curl_easy_init();
    if (call->easy == NULL || !call_setup(call)) {
        curl_easy_cleanup(call->easy);
        free(call);
        return NULL;
    }
    return call;
}

/* Without memory for them the body just comes again. */
static struct curl_slist *headers_own(const struct wire_ask *ask, const char *etag)
{
    char text[WIRE_ETAG_MAX + 32];
    if (etag[0] == '\0')
        return NULL;
    struct curl_slist *list =
        curl_slist_append(NULL, ask->gzip ? "Accept-Encoding: gzip, identity" : "Accept-Encoding: identity");
    (void)snprintf(text, sizeof(text), "If-None-Match: %s", etag);
    struct curl_slist *more = list == NULL ? NULL : curl_slist_append(list, text);
    if (more == NULL)
        curl_slist_free_all(list);
    return more;
}

/* From where, and over what kind of connection. */
static CURLcode call_route(CURL *easy, const struct wire_ask *ask)
{
    char from[128];
    bool any = ask->source == NULL || ask->source[0] == '\0';
    int family = any ? 0 : sources_family(ask->source);
    (void)snprintf(from, sizeof(from), "%s%s", family == 0 ? "if!" : "host!", any ? "" : ask->source);
    CURLcode bad = curl_easy_setopt(easy, CURLOPT_INTERFACE, any ? NULL : from);
    bad |= curl_easy_setopt(easy, CURLOPT_IPRESOLVE,
                            family == 4   ? (long)CURL_IPRESOLVE_V4
                            : family == 6 ? (long)CURL_IPRESOLVE_V6
                                          : (long)CURL_IPRESOLVE_WHATEVER);
    bad |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, ask->fresh ? 1L : 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, ask->fresh ? 1L : 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                            ask->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(easy, CURLOPT_PIPEWAIT, ask->http2 ? 1L : 0L);
    return bad;
}

enum err_code wire_get(struct wire *wire, const struct wire_ask *ask, struct err *why)
{
    return wire_get_newer(wire, ask, "", why);
}

enum err_code wire_get_newer(struct wire *wire, const struct wire_ask *ask, const char *etag, struct err *why)
{
    if (local_serves(&wire->local, ask->url))
        return local_get(&wire->local, ask, why);
    struct call *call = call_get(wire);
    if (call == NULL)
        return err_set(why, ERR_MEMORY, "%s: out of memory", ask->url);
    call->ask = *ask;
    call->ask.url = NULL; /* curl has its own copy; the caller's may go */
    call->at = NULL;
    call->len = 0;
    call->cap = 0;
    call->too_big = false;
    call->retry_after_ms = -1;
    call->retry_after[0] = '\0';
    call->etag[0] = '\0';
    call->text[0] = '\0';
    call->headers = headers_own(ask, etag);
    struct curl_slist *headers = ask->gzip ? wire->accept_gzip : wire->accept_plain;
    CURLcode bad = curl_easy_setopt(call->easy, CURLOPT_URL, ask->url);
    bad |= curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers != NULL ? call->headers : headers);
    bad |= call_route(call->easy, ask);
    if (bad != CURLE_OK || curl_multi_add_handle(wire->multi, call->easy) != CURLM_OK) {
        curl_slist_free_all(call->headers);
        call->headers = NULL;
        call->link = wire->idle;
        wire->idle = call;
        return err_set(why, ERR_MEMORY, "%s: the request could not be made", ask->url);
    }
    call->link = wire->busy;
    wire->busy = call;
    wire->count++;
    metric_add(METRIC_REQUESTS_TOTAL, 1);
    return ERR_OK;
}

/* What the server asked for is shown beside what it gets. */
static void busy_say(const struct call *call, const char *url, struct wire_reply *reply)
{
    if (call->retry_after[0] == '\0')
        reply->code = err_set(&reply->why, ERR_HTTP_BUSY, "%s: HTTP status %ld", url, reply->status);
    else
        reply->code = err_set(&reply->why, ERR_HTTP_BUSY, "%s: HTTP status %ld, Retry-After \"%s\"%s", url,
                              reply->status, call->retry_after,
                              call->retry_after_ms < 0                       ? " (unreadable)"
                              : call->retry_after_ms == LIMIT_RETRY_AFTER_MS ? " (one hour at most)"
                                                                             : "");
}

static void reply_fill(struct call *call, CURLcode result, struct wire_reply *reply)
{
    const char *url = "";
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &url);
    const char *text = call->text[0] != '\0' ? call->text : curl_easy_strerror(result);
    if (call->too_big && reply->status == 200)
        reply->code =
            err_set(&reply->why, ERR_TOO_BIG, "%s: the reply is larger than %zu bytes", url, call->len);
    else if (reply->status == 429 || reply->status == 503)
        busy_say(call, url, reply);
    else if (reply->status != 0 && reply->status != 200 && !(reply->status == 304 && call->headers != NULL))
        reply->code = err_set(&reply->why, ERR_HTTP, "%s: HTTP status %ld", url, reply->status);
    else if (result == CURLE_OPERATION_TIMEDOUT)
        reply->code = err_set(&reply->why, ERR_TIMEOUT, "%s: %s", url, text);
    else if (result != CURLE_OK)
        reply->code = err_set(&reply->why, ERR_NETWORK, "%s: %s", url, text);
    reply->retry_after_ms = call->retry_after_ms;
    reply->etag = call->etag;
    static const uint8_t nothing[1];
    reply->body = call->at == NULL ? span_of(nothing, 0) : span_of(call->at, call->len);
    metric_add(METRIC_BYTES_RECEIVED_TOTAL, call->len);
}

static void call_done(struct call *call, CURLcode result, enum err_code given_up)
{
    struct wire *wire = call->wire;
    struct wire_reply reply = {.code = ERR_OK, .retry_after_ms = -1, .etag = ""};
    const char *url = "";
    curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &url);
    reply.given_up = given_up != ERR_OK;
    if (given_up != ERR_OK)
        reply.code = err_set(&reply.why, given_up, "%s: given up before the reply was whole", url);
    else
        reply_fill(call, result, &reply);
    if (given_up == ERR_OK && reply.code != ERR_OK)
        metric_add(METRIC_REQUESTS_FAILED_TOTAL, 1);
    if (reply.code == ERR_HTTP_BUSY)
        metric_add(METRIC_REQUESTS_BUSY_TOTAL, 1);
    curl_multi_remove_handle(wire->multi, call->easy);
    struct call **place = &wire->busy;
    while (*place != call)
        place = &(*place)->link;
    *place = call->link;
    wire->count--;
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(call->headers);
    call->headers = NULL;
    struct wire_ask ask = call->ask;
    call->link = wire->idle;
    wire->idle = call;
    ask.done(ask.arg, &reply);
}

void wire_turn(struct wire *wire, int64_t wait_ms)
{
    int running = 0;
    must(curl_multi_perform(wire->multi, &running) == CURLM_OK);
    CURLMsg *message;
    int left = 0;
    bool any = local_turn(&wire->local) != 0;
    while ((message = curl_multi_info_read(wire->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct call *call = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        must(call != NULL && call->magic == CALL_MAGIC);
        call_done(call, result, ERR_OK);
        any = true;
    }
    if (!any && wait_ms > 0)
        must(curl_multi_poll(wire->multi, NULL, 0, (int)(wait_ms > 60000 ? 60000 : wait_ms), NULL) ==
             CURLM_OK);
}

void wire_wake(struct wire *wire)
{
    curl_multi_wakeup(wire->multi);
}

void wire_drop(struct wire *wire, const void *arg)
{
    local_end(&wire->local, arg, ERR_TIMEOUT);
    struct call *call = wire->busy;
    while (call != NULL) {
        struct call *found = call->ask.arg == arg ? call : NULL;
        /* What is told of it may ask for more: the list is begun again. */
        if (found != NULL)
            call_done(found, CURLE_OK, ERR_TIMEOUT);
        call = found != NULL ? wire->busy : call->link;
    }
}

void wire_cancel(struct wire *wire)
{
    local_end(&wire->local, NULL, ERR_CLOSED);
    while (wire->busy != NULL)
        call_done(wire->busy, CURLE_OK, ERR_CLOSED);
}

unsigned wire_count(const struct wire *wire)
{
    return wire->count + wire->local.count;
}

uint64_t wire_bytes(const struct wire *wire)
{
    return wire->bytes;
}
