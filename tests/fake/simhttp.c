#include "simhttp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/text.h"
#include "simcontrol.h"
#include "simlist.h"
#include "simview.h"

#define SIMHTTP_BLOCK (64 * 1024)

struct simhttp {
    struct MHD_Daemon *daemon;
    struct simworld *world;
};

/* The body of a POST while it comes in. */
struct simhttp_upload {
    struct buf body;
};

struct simhttp_route {
    const char *path; /* behind the prefix; one that ends in a slash opens a family */
    enum simkind kind;
    const char *parameter[2];
};

static const struct simhttp_route simhttp_rfc6962[] = {
    {"/ct/v1/get-sth", SIMKIND_GET_STH, {NULL, NULL}},
    {"/ct/v1/get-sth-consistency", SIMKIND_GET_STH_CONSISTENCY, {"first", "second"}},
    {"/ct/v1/get-entries", SIMKIND_GET_ENTRIES, {"start", "end"}},
    {"/ct/v1/get-proof-by-hash", SIMKIND_GET_PROOF_BY_HASH, {"hash", "tree_size"}},
    {"/ct/v1/get-entry-and-proof", SIMKIND_GET_ENTRY_AND_PROOF, {"leaf_index", "tree_size"}},
    {"/ct/v1/get-roots", SIMKIND_GET_ROOTS, {NULL, NULL}},
};

static const struct simhttp_route simhttp_static[] = {
    {"/checkpoint", SIMKIND_CHECKPOINT, {NULL, NULL}},     {"/tile/data/", SIMKIND_TILE_DATA, {NULL, NULL}},
    {"/tile/", SIMKIND_TILE_HASH, {NULL, NULL}},           {"/issuer/", SIMKIND_ISSUER, {NULL, NULL}},
    {"/ct/v1/get-roots", SIMKIND_GET_ROOTS, {NULL, NULL}},
};

/* Beside get-entries, where the limit `tiles` is on. */
static const struct simhttp_route simhttp_hybrid[] = {
    {"/tile/data/", SIMKIND_TILE_DATA, {NULL, NULL}},
    {"/issuer/", SIMKIND_ISSUER, {NULL, NULL}},
};

static bool simhttp_find(const struct simhttp_route *routes, size_t count, const char *path,
                         struct MHD_Connection *connection, struct simrequest *request)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(routes[i].path);
        bool family = routes[i].path[length - 1] == '/';
        if (family ? strncmp(path, routes[i].path, length) != 0 : strcmp(path, routes[i].path) != 0)
            continue;
        request->kind = routes[i].kind;
        request->path = path + length;
        if (request->kind == SIMKIND_TILE_DATA) /* the tile's path begins with data/ */
            request->path = path + strlen("/tile/");
        for (size_t p = 0; p < 2 && routes[i].parameter[p] != NULL; p++)
            request->parameter[p] =
                MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, routes[i].parameter[p]);
        return true;
    }
    return false;
}

static void simhttp_classify(struct simworld *world, const char *url, struct MHD_Connection *connection,
                             struct simrequest *request)
{
    const char *encoding = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept-Encoding");

    memset(request, 0, sizeof *request);
    request->kind = SIMKIND_OTHER;
    request->path = url;
    request->accepts_gzip = encoding != NULL && strstr(encoding, "gzip") != NULL;
    if (world->serve_rfc6962 && strncmp(url, "/rfc6962/", 9) == 0 &&
        simhttp_find(simhttp_rfc6962, countof(simhttp_rfc6962), url + 8, connection, request))
        return;
    if (world->serve_rfc6962 && strncmp(url, "/rfc6962/", 9) == 0 &&
        simlimit_get(world->limits, SIMLIMIT_TILES).on) {
        request->full_only = true;
        (void)simhttp_find(simhttp_hybrid, countof(simhttp_hybrid), url + 8, connection, request);
        return;
    }
    if (world->serve_static && strncmp(url, "/static/", 8) == 0)
        (void)simhttp_find(simhttp_static, countof(simhttp_static), url + 7, connection, request);
}

/* RFC 9110 section 5.6.7: the date of `seconds` from now. */
static void simhttp_date(uint64_t seconds, char *out, size_t size)
{
    static const char *const weekdays[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t now = clock_wall_ms() / 1000 + (int64_t)seconds;
    int64_t year;
    int month, day;

    text_date(now / 86400, &year, &month, &day);
    (void)snprintf(out, size, "%s, %02d %s %04d %02d:%02d:%02d GMT", weekdays[now / 86400 % 7], day,
                   months[month - 1], (int)year, (int)(now / 3600 % 24), (int)(now / 60 % 60),
                   (int)(now % 60));
}

/* 429; `retry` is seconds, dateSECONDS or nothing. */
static void simhttp_busy(const char *retry, struct simreply *reply)
{
    uint64_t seconds = 1;

    if (strncmp(retry, "date", 4) == 0) {
        if (!text_uint(span_str(retry + 4), &seconds))
            seconds = 1;
        simhttp_date(seconds, reply->retry_after, sizeof reply->retry_after);
    } else {
        (void)snprintf(reply->retry_after, sizeof reply->retry_after, "%.20s", retry);
    }
    reply->status = 429;
    reply->type = "text/plain; charset=utf-8";
    buf_str(&reply->body, "slow down\n");
}

/* What the limits of the operator say to this request; false: the reply is made. */
static bool simhttp_admit(struct simworld *world, struct MHD_Connection *connection, struct simreply *reply)
{
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const union MHD_ConnectionInfo *own =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct simlimit_request request = {
        .agent = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "User-Agent"),
        .connection = own == NULL ? NULL : own->socket_context,
    };
    struct simlimit_set latency = simlimit_get(world->limits, SIMLIMIT_LATENCY);
    char retry[SIMLIMIT_TEXT_MAX] = "";

    if (peer != NULL && peer->client_addr->sa_family == AF_INET)
        request.address =
            ntohl(((const struct sockaddr_in *)(const void *)peer->client_addr)->sin_addr.s_addr);
    bool good = simlimit_take(world->limits, &request, retry);
    if (latency.on)
        clock_sleep_ms((int64_t)latency.value);
    if (!good)
        simhttp_busy(retry, reply);
    return good;
}

/* Faults that strike before the log has been asked. True: the reply is made. */
static bool simhttp_refuse(struct simworld *world, enum simkind kind, struct simreply *reply)
{
    struct simfault_args args;

    if (simfault_hit(&world->faults, SIMFAULT_SLOW, kind, &args))
        clock_sleep_ms((int64_t)args.number[0]);
    if (simfault_every(&world->faults, SIMFAULT_DROP, kind, NULL)) {
        reply->end = SIMREPLY_NONE;
        return true;
    }
    if (simfault_every(&world->faults, SIMFAULT_BUSY, kind, &args)) {
        simhttp_busy(args.text[1], reply);
        return true;
    }
    if (simfault_every(&world->faults, SIMFAULT_ERROR, kind, &args)) {
        reply->status = (unsigned)args.number[1];
        reply->type = "text/html; charset=utf-8";
        buf_fmt(&reply->body,
                "<!DOCTYPE html>\n<html><head><title>%u</title></head><body><h1>%u</h1>"
                "<p>The server had a problem. {\"entries\":[]}</p></body></html>\n",
                reply->status, reply->status);
        return true;
    }
    return false;
}

/* A get-entries answer that takes as long as its entries do. */
static void simhttp_dawdle(struct simworld *world, const struct simreply *reply)
{
    struct simlimit_set entries = simlimit_get(world->limits, SIMLIMIT_ENTRIES);

    if (entries.on && reply->entries > 0 && reply->status == 200)
        clock_sleep_ms((int64_t)(entries.value * (double)reply->entries / SIMPAGE_TILE));
}

/* Faults that spoil a good answer. */
static void simhttp_spoil(struct simworld *world, enum simkind kind, struct simreply *reply)
{
    bool entries = kind == SIMKIND_GET_ENTRIES || kind == SIMKIND_TILE_DATA;
    struct simfault_args args;

    if (reply->status != 200)
        return;
    if (simfault_every(&world->faults, SIMFAULT_TRUNCATE, kind, NULL))
        reply->end = SIMREPLY_CUT;
    if (!entries)
        return;
    if (simfault_hit(&world->faults, SIMFAULT_TYPE, kind, &args)) {
        (void)snprintf(reply->type_text, sizeof reply->type_text, "%s",
                       args.text[0][0] != '\0' ? args.text[0] : "text/html");
        reply->type = reply->type_text;
    }
    if (simfault_hit(&world->faults, SIMFAULT_ENDLESS, kind, NULL))
        reply->end = SIMREPLY_ENDLESS;
    if (simfault_hit(&world->faults, SIMFAULT_BOMB, kind, &args)) {
        reply->gzip = true;
        reply->shared = SPAN_NONE;
        buf_clear(&reply->body);
        simpage_bomb(args.number[0], &reply->body);
    }
}

/* What a reader callback needs; the bytes are its own. */
struct simhttp_stream {
    struct buf body;
    struct span bytes;
    enum simreply_end end;
};

static ssize_t simhttp_stream_read(void *arg, uint64_t at, char *out, size_t max)
{
    struct simhttp_stream *stream = arg;
    uint64_t length = stream->end == SIMREPLY_CUT ? stream->bytes.len / 2 : stream->bytes.len;

    if (at < length) {
        size_t count = length - at < max ? (size_t)(length - at) : max;
        memcpy(out, stream->bytes.at + at, count);
        return (ssize_t)count;
    }
    if (stream->end == SIMREPLY_CUT)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    memset(out, ' ', max);
    return (ssize_t)max;
}

static void simhttp_stream_free(void *arg)
{
    struct simhttp_stream *stream = arg;

    buf_fini(&stream->body);
    free(stream);
}

static void simhttp_body_free(void *arg)
{
    free(arg);
}

/* Takes the body over. */
static struct MHD_Response *simhttp_response(struct simreply *reply)
{
    struct span bytes = reply->shared.at != NULL ? reply->shared : buf_span(&reply->body);
    struct simhttp_stream *stream;

    must(buf_ok(&reply->body));
    if (reply->end == SIMREPLY_WHOLE && reply->shared.at != NULL) {
        buf_fini(&reply->body);
        return MHD_create_response_from_buffer(bytes.len, (void *)(uintptr_t)bytes.at,
                                               MHD_RESPMEM_PERSISTENT);
    }
    if (reply->end == SIMREPLY_WHOLE) {
        struct MHD_Response *response;
        if (bytes.len == 0)
            return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
        response =
            MHD_create_response_from_buffer_with_free_callback(bytes.len, reply->body.at, simhttp_body_free);
        if (response == NULL)
            buf_fini(&reply->body);
        memset(&reply->body, 0, sizeof reply->body);
        return response;
    }
    stream = calloc(1, sizeof *stream);
    must(stream != NULL);
    stream->body = reply->body;
    stream->bytes = bytes;
    stream->end = reply->end;
    return MHD_create_response_from_callback(reply->end == SIMREPLY_ENDLESS ? MHD_SIZE_UNKNOWN : bytes.len,
                                             SIMHTTP_BLOCK, simhttp_stream_read, stream, simhttp_stream_free);
}

static enum MHD_Result simhttp_send(struct MHD_Connection *connection, struct simreply *reply)
{
    struct MHD_Response *response;
    enum MHD_Result result;

    if (reply->end == SIMREPLY_NONE) {
        buf_fini(&reply->body);
        return MHD_NO; /* closes the connection without a word */
    }
    response = simhttp_response(reply);
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type", reply->type);
    if (reply->gzip)
        (void)MHD_add_response_header(response, "Content-Encoding", "gzip");
    if (reply->etag[0] != '\0')
        (void)MHD_add_response_header(response, "ETag", reply->etag);
    if (reply->retry_after[0] != '\0')
        (void)MHD_add_response_header(response, "Retry-After", reply->retry_after);
    if (reply->status == 200)
        (void)MHD_add_response_header(response, "Cache-Control",
                                      reply->immutable ? "public, max-age=604800, immutable" : "no-store");
    result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static void simhttp_log_request(struct simworld *world, const char *url, struct MHD_Connection *connection,
                                bool readable, struct simreply *reply)
{
    struct simrequest request;

    simhttp_classify(world, url, connection, &request);
    simfault_count(&world->faults, request.kind);
    if (request.kind != SIMKIND_OTHER && !simhttp_admit(world, connection, reply))
        return;
    if (simhttp_refuse(world, request.kind, reply))
        return;
    if (!readable) {
        reply->status = 405;
        reply->type = "text/plain; charset=utf-8";
        buf_str(&reply->body, "this log takes no submissions\n");
        return;
    }
    if (strncmp(url, "/list/", 6) == 0)
        simlist_answer(world, url, MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match"),
                       reply);
    else
        simview_answer(world, &request, reply);
    simhttp_dawdle(world, reply);
    simhttp_spoil(world, request.kind, reply);
}

static enum MHD_Result simhttp_handle(void *arg, struct MHD_Connection *connection, const char *url,
                                      const char *method, const char *version, const char *upload_data,
                                      size_t *upload_size, void **state)
{
    struct simworld *world = arg;
    struct simhttp_upload *upload = *state;
    struct simreply reply = {.status = 200, .type = "text/plain; charset=utf-8"};
    bool control = strcmp(url, "/control") == 0;
    bool post = strcmp(method, "POST") == 0;

    (void)version;
    if (upload == NULL) {
        *state = upload = calloc(1, sizeof *upload);
        if (upload == NULL)
            return MHD_NO;
        buf_init(&upload->body, SIMCONTROL_BODY_MAX);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        buf_put(&upload->body, span_of(upload_data, *upload_size));
        *upload_size = 0;
        return MHD_YES;
    }
    buf_init(&reply.body, SIMPAGE_BODY_MAX);
    if (control && post)
        simcontrol_post(world, buf_ok(&upload->body) ? buf_span(&upload->body) : SPAN_LIT("too large"),
                        &reply);
    else if (control)
        simcontrol_get(world, &reply);
    else
        simhttp_log_request(world, url, connection, strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0,
                            &reply);
    return simhttp_send(connection, &reply);
}

static void simhttp_completed(void *arg, struct MHD_Connection *connection, void **state,
                              enum MHD_RequestTerminationCode code)
{
    struct simhttp_upload *upload = *state;

    (void)arg;
    (void)connection;
    (void)code;
    if (upload != NULL) {
        buf_fini(&upload->body);
        free(upload);
    }
    *state = NULL;
}

/* Each connection has a bucket of its own. */
static void simhttp_connection(void *arg, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode code)
{
    struct simworld *world = arg;

    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = calloc(1, sizeof(struct simlimit_fill));
        simlimit_connected(world->limits, 1);
        return;
    }
    free(*context);
    *context = NULL;
    simlimit_connected(world->limits, -1);
}

enum err_code simhttp_start(struct simworld *world, uint16_t *port, struct simhttp **http, struct err *why)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    const union MHD_DaemonInfo *info;
    struct simhttp *made = calloc(1, sizeof *made);

    must(made != NULL);
    struct simlimit_set most = simlimit_get(world->limits, SIMLIMIT_CONNECTIONS);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    made->world = world;
    made->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_TURBO, *port,
        NULL, NULL, simhttp_handle, world, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)SIMHTTP_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        most.on ? (unsigned)most.value : 0u, MHD_OPTION_NOTIFY_CONNECTION, simhttp_connection, world,
        MHD_OPTION_NOTIFY_COMPLETED, simhttp_completed, NULL, MHD_OPTION_END);
    if (made->daemon == NULL) {
        free(made);
        return err_set(why, ERR_SYSTEM, "port %u: cannot listen: %s", (unsigned)*port, strerror(errno));
    }
    info = MHD_get_daemon_info(made->daemon, MHD_DAEMON_INFO_BIND_PORT);
    must(info != NULL);
    *port = info->port;
    *http = made;
    return ERR_OK;
}

void simhttp_stop(struct simhttp *http)
{
    MHD_stop_daemon(http->daemon);
    free(http);
}
