#include "watcher/httppost.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/rate.h"
#include "base/text.h"
#include "watcher/inetguard.h"

#define CONNECT_MS    10000
#define AFTERWARDS_MS 1000 /* for the body of an answer whose status is known */
#define SHOWN         160  /* of the answer, in an error */
#define WHERE_MAX     300

struct httppost {
    CURL *curl;
    char where[WHERE_MAX]; /* scheme and host, for messages: the path may be a secret */
    enum inetguard_level level;
    int64_t timeout_ms;
    /* one request */
    const atomic_bool *stop;
    long status;
    int64_t status_ms; /* monotonic, when it came; 0: not yet */
    size_t header_bytes;
    size_t body_bytes;
    char body[SHOWN + 1];
    char retry_after[64];
    char reason[CURL_ERROR_SIZE];   /* curl's */
    char refused[INET6_ADDRSTRLEN]; /* the address that the guard did not allow */
};

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct httppost *post = arg;
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    if (inetguard_allows(post->level, &address->addr))
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    const void *at = address->family == AF_INET6
                         ? (const void *)&((struct sockaddr_in6 *)(void *)&address->addr)->sin6_addr
                         : (const void *)&((struct sockaddr_in *)(void *)&address->addr)->sin_addr;
    (void)inet_ntop(address->family, at, post->refused, sizeof post->refused);
    return CURL_SOCKET_BAD;
}

static size_t take_header(char *at, size_t size, size_t count, void *arg)
{
    static const char name[] = "retry-after:";
    struct httppost *post = arg;
    size_t len = size * count;
    post->header_bytes += len;
    if (post->header_bytes > LIMIT_CHANNEL_BODY)
        return 0;
    if (len > 5 && strncmp(at, "HTTP/", 5) == 0)
        post->retry_after[0] = '\0';
    if (len > sizeof name - 1 && strncasecmp(at, name, sizeof name - 1) == 0)
        (void)snprintf(post->retry_after, sizeof post->retry_after, "%.*s", (int)(len - sizeof name + 1),
                       at + sizeof name - 1);
    if (len <= 2) { /* the empty line behind them */
        (void)curl_easy_getinfo(post->curl, CURLINFO_RESPONSE_CODE, &post->status);
        post->status_ms = post->status >= 200 ? clock_mono_ms() : 0;
    }
    return len;
}

static size_t take_body(char *at, size_t size, size_t count, void *arg)
{
    struct httppost *post = arg;
    size_t len = size * count;
    for (size_t i = 0; i < len && post->body_bytes + i < SHOWN; i++)
        post->body[post->body_bytes + i] = at[i];
    post->body_bytes += len;
    return post->body_bytes > LIMIT_CHANNEL_BODY ? 0 : len;
}

/* Called at least once a second. */
static int look(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct httppost *post = arg;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    if (post->stop != NULL && atomic_load(post->stop))
        return 1;
    return post->status_ms != 0 && clock_mono_ms() - post->status_ms > AFTERWARDS_MS;
}

static bool is_loopback_name(const char *host)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &v4.sin_addr) == 1 &&
            inetguard_loopback((const struct sockaddr *)(const void *)&v4));
}

/* What the URL allows the connection to reach. */
static enum err_code judge_url(struct httppost *post, const struct httppost_options *options, struct err *why)
{
    CURLU *url = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    enum err_code code = ERR_OK;
    must(url != NULL);
    if (curl_url_set(url, CURLUPART_URL, options->url, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        code = err_set(why, ERR_CONFIG, "url: it is none");
    if (code == ERR_OK && scheme != NULL && host != NULL) {
        bool local = is_loopback_name(host);
        bool https = strcmp(scheme, "https") == 0;
        (void)snprintf(post->where, sizeof post->where, "%s://%.200s", scheme, host);
        post->level = local                             ? INETGUARD_LOOPBACK
                      : https && options->allow_private ? INETGUARD_ANY
                                                        : INETGUARD_PUBLIC;
        if (!https && strcmp(scheme, "http") != 0)
            code = err_set(why, ERR_CONFIG, "url: %s: neither https:// nor http://", post->where);
        else if (!https && !local)
            code = err_set(why, ERR_CONFIG, "url: %s: http:// is for this machine alone, use https://",
                           post->where);
    }
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(url);
    return code;
}

static bool set_up(struct httppost *post, const struct httppost_options *options)
{
    CURL *curl = post->curl;
    bool ok = curl_easy_setopt(curl, CURLOPT_URL, options->url) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, post->reason) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    if (options->ca_file[0] != '\0')
        ok = ok && curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_USERAGENT, "ctvigil/" CTVIGIL_VERSION) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms) == CURLE_OK;
    ok = ok && curl_easy_setopt(
                   curl, CURLOPT_CONNECTTIMEOUT_MS,
                   (long)(options->timeout_ms < CONNECT_MS ? options->timeout_ms : CONNECT_MS)) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, post) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_HEADERDATA, post) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_WRITEDATA, post) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look) == CURLE_OK;
    return ok && curl_easy_setopt(curl, CURLOPT_XFERINFODATA, post) == CURLE_OK;
}

enum err_code httppost_new(const struct httppost_options *options, struct httppost **out, struct err *why)
{
    *out = NULL;
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    struct httppost *post = calloc(1, sizeof *post);
    must(post != NULL);
    post->timeout_ms = options->timeout_ms;
    enum err_code code = judge_url(post, options, why);
    if (code == ERR_OK && options->ca_file[0] != '\0' && access(options->ca_file, R_OK) != 0)
        code = err_set(why, ERR_CONFIG, "ca_file: %s: it can not be read", options->ca_file);
    post->curl = code == ERR_OK ? curl_easy_init() : NULL;
    if (code == ERR_OK && (post->curl == NULL || !set_up(post, options)))
        code = err_set(why, ERR_MEMORY, "%s: no memory", post->where);
    if (code != ERR_OK)
        httppost_free(post);
    else
        *out = post;
    return code;
}

void httppost_free(struct httppost *post)
{
    if (post == NULL)
        return;
    if (post->curl != NULL)
        curl_easy_cleanup(post->curl);
    free(post);
}

static enum err_code judge_status(const struct httppost *post, int64_t *retry_ms, struct err *why)
{
    char said[4 * SHOWN + 8];
    size_t len = post->body_bytes < SHOWN ? post->body_bytes : SHOWN;
    if (post->status >= 200 && post->status < 300)
        return ERR_OK;
    (void)text_visible_str(span_of((const uint8_t *)post->body, len), said, sizeof said);
    const char *colon = said[0] == '\0' ? "" : ": ";
    if (post->status == 429 || post->status == 503) {
        const char *value = post->retry_after + strspn(post->retry_after, " \t");
        int64_t wait_ms = rate_retry_after_ms(span_of((const uint8_t *)value, strcspn(value, "\r\n")),
                                              clock_wall_ms(), LIMIT_RETRY_AFTER_MS);
        *retry_ms = wait_ms > 0 ? wait_ms : 0;
        return err_set(why, ERR_HTTP_BUSY, "%s: status %ld%s%s", post->where, post->status, colon, said);
    }
    if (post->status >= 300 && post->status < 400)
        return err_set(why, ERR_HTTP, "%s: status %ld, a redirect, which is not followed", post->where,
                       post->status);
    return err_set(why, ERR_HTTP, "%s: status %ld%s%s", post->where, post->status, colon, said);
}

static enum err_code judge_failure(const struct httppost *post, CURLcode result, struct err *why)
{
    if (post->stop != NULL && atomic_load(post->stop))
        return err_set(why, ERR_CLOSED, "%s: stopped", post->where);
    if (post->refused[0] != '\0')
        return err_set(why, ERR_NETWORK,
                       "%s: its address %s is not one of the public internet (allow_private allows it)",
                       post->where, post->refused);
    if (post->header_bytes > LIMIT_CHANNEL_BODY)
        return err_set(why, ERR_TOO_BIG, "%s: its answer is too large", post->where);
    if (result == CURLE_OPERATION_TIMEDOUT)
        return err_set(why, ERR_TIMEOUT, "%s: no answer within %" PRId64 " s", post->where,
                       post->timeout_ms / 1000);
    return err_set(why, ERR_NETWORK, "%s: %s", post->where,
                   post->reason[0] != '\0' ? post->reason : curl_easy_strerror(result));
}

enum err_code httppost_send(struct httppost *post, const char *body, const char *const *headers,
                            const atomic_bool *stop, int64_t *retry_ms, struct err *why)
{
    struct curl_slist *list = NULL;
    bool ok = true;
    *retry_ms = 0;
    for (; *headers != NULL && ok; headers++) {
        struct curl_slist *longer = curl_slist_append(list, *headers);
        ok = longer != NULL;
        list = ok ? longer : list;
    }
    post->stop = stop;
    post->status = 0;
    post->status_ms = 0;
    post->header_bytes = 0;
    post->body_bytes = 0;
    post->retry_after[0] = '\0';
    post->reason[0] = '\0';
    post->refused[0] = '\0';
    ok = ok && curl_easy_setopt(post->curl, CURLOPT_HTTPHEADER, list) == CURLE_OK;
    if (body != NULL)
        ok = ok && curl_easy_setopt(post->curl, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
             curl_easy_setopt(post->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body)) == CURLE_OK;
    CURLcode result = ok ? curl_easy_perform(post->curl) : CURLE_OUT_OF_MEMORY;
    curl_slist_free_all(list);
    (void)curl_easy_setopt(post->curl, CURLOPT_HTTPHEADER, NULL);
    /* A status that came counts, whatever follows it. */
    if (post->status_ms == 0 && result == CURLE_OK)
        (void)curl_easy_getinfo(post->curl, CURLINFO_RESPONSE_CODE, &post->status);
    if (post->status_ms == 0 && post->status == 0)
        return judge_failure(post, result, why);
    return judge_status(post, retry_ms, why);
}
