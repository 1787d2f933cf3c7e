#include "watcher/send_syslog.h"

#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "watcher/syslogmsg.h"

#define TIMEOUT_S 15
#define PLACE_MAX 300
#define STEP_MS   200

enum way { WAY_UNIX, WAY_UDP, WAY_TCP, WAY_TLS };

struct syslog {
    struct channel channel;
    char name[CHANCONF_NAME_MAX + 1];
    char place[PLACE_MAX]; /* as configured */
    char host[PLACE_MAX];
    char port[8];
    char ca_file[4096];
    enum way way;
    int facility;
    int64_t timeout_ms;
    int fd;     /* unix and UDP; -1: none */
    CURL *curl; /* TCP and TLS: a bare connection; NULL: none */
    char reason[CURL_ERROR_SIZE];
};

static enum err_code broken(struct syslog *syslog, const char *reason, struct err *why)
{
    return err_set(why, ERR_NETWORK, "%s: %s", syslog->place, reason);
}

static void hang_up(struct syslog *syslog)
{
    if (syslog->fd >= 0)
        close(syslog->fd);
    syslog->fd = -1;
    if (syslog->curl != NULL)
        curl_easy_cleanup(syslog->curl);
    syslog->curl = NULL;
}

static bool stopping(const struct syslog *syslog)
{
    return syslog->channel.stop != NULL && atomic_load(syslog->channel.stop);
}

/* /dev/log is a datagram socket, or a stream one where somebody made it so. */
static enum err_code open_unix(struct syslog *syslog, struct err *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, syslog->place, strlen(syslog->place)); /* read_address looked that it fits */
    syslog->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (syslog->fd >= 0 && connect(syslog->fd, (struct sockaddr *)(void *)&address, sizeof address) == 0)
        return ERR_OK;
    return broken(syslog, strerror(errno), why);
}

static enum err_code open_udp(struct syslog *syslog, struct err *why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(syslog->host, syslog->port, &hints, &found);
    if (failed != 0)
        return broken(syslog, gai_strerror(failed), why);
    int last = 0;
    for (struct addrinfo *at = found; at != NULL && syslog->fd < 0; at = at->ai_next) {
        syslog->fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
        if (syslog->fd >= 0 && connect(syslog->fd, at->ai_addr, at->ai_addrlen) == 0)
            break;
        last = errno;
        hang_up(syslog);
    }
    freeaddrinfo(found);
    return syslog->fd >= 0 ? ERR_OK : broken(syslog, strerror(last), why);
}

static int look(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return stopping(arg);
}

static bool set_up(struct syslog *syslog)
{
    CURL *curl = syslog->curl;
    char url[PLACE_MAX + 32];
    (void)snprintf(url, sizeof url, "%s://%s:%s", syslog->way == WAY_TLS ? "https" : "http", syslog->host,
                   syslog->port);
    bool ok = curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, syslog->reason) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    if (syslog->ca_file[0] != '\0')
        ok = ok && curl_easy_setopt(curl, CURLOPT_CAINFO, syslog->ca_file) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)syslog->timeout_ms) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look) == CURLE_OK;
    return ok && curl_easy_setopt(curl, CURLOPT_XFERINFODATA, syslog) == CURLE_OK;
}

static enum err_code open_stream(struct syslog *syslog, struct err *why)
{
    syslog->curl = curl_easy_init();
    if (syslog->curl == NULL || !set_up(syslog))
        return err_set(why, ERR_MEMORY, "%s: no memory", syslog->place);
    syslog->reason[0] = '\0';
    CURLcode result = curl_easy_perform(syslog->curl);
    if (result == CURLE_OK)
        return ERR_OK;
    return broken(syslog, syslog->reason[0] != '\0' ? syslog->reason : curl_easy_strerror(result), why);
}

/* A receiver of syslog says nothing: anything but silence is the end of the connection. */
static bool still_there(struct syslog *syslog)
{
    char byte[64];
    size_t got = 0;
    return curl_easy_recv(syslog->curl, byte, sizeof byte, &got) == CURLE_AGAIN;
}

static bool wait_writable(struct syslog *syslog, int64_t until_ms)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(syslog->curl, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
        return false;
    while (clock_mono_ms() < until_ms && !stopping(syslog)) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        int ready = poll(&poll_fd, 1, STEP_MS);
        if (ready != 0)
            return ready > 0 || errno == EINTR;
    }
    return false;
}

static enum err_code send_stream(struct syslog *syslog, struct span bytes, struct err *why)
{
    char count[32];
    int64_t until_ms = clock_mono_ms() + syslog->timeout_ms;
    struct buf frame;
    enum err_code code = ERR_OK;
    buf_init(&frame, bytes.len + sizeof count);
    buf_fmt(&frame, "%zu ", bytes.len);
    buf_put(&frame, bytes);
    struct span left = buf_span(&frame);
    while (left.len != 0 && code == ERR_OK) {
        size_t sent = 0;
        CURLcode result = curl_easy_send(syslog->curl, left.at, left.len, &sent);
        left = span_part(left, sent, left.len);
        if (result == CURLE_AGAIN && !wait_writable(syslog, until_ms))
            code = err_set(why, ERR_TIMEOUT, "%s: it does not take more", syslog->place);
        else if (result != CURLE_OK && result != CURLE_AGAIN)
            code = broken(syslog, curl_easy_strerror(result), why);
    }
    buf_fini(&frame);
    return code;
}

static enum err_code send_datagram(struct syslog *syslog, struct span bytes, struct err *why)
{
    int64_t until_ms = clock_mono_ms() + syslog->timeout_ms;
    while (send(syslog->fd, bytes.at, bytes.len, MSG_NOSIGNAL) < 0) {
        struct pollfd poll_fd = {.fd = syslog->fd, .events = POLLOUT};
        if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
            return broken(syslog, strerror(errno), why);
        if (clock_mono_ms() >= until_ms || stopping(syslog))
            return err_set(why, ERR_TIMEOUT, "%s: it does not take more", syslog->place);
        (void)poll(&poll_fd, 1, STEP_MS);
    }
    return ERR_OK;
}

static enum err_code open_it(struct syslog *syslog, struct err *why)
{
    if (syslog->way == WAY_UNIX)
        return open_unix(syslog, why);
    return syslog->way == WAY_UDP ? open_udp(syslog, why) : open_stream(syslog, why);
}

static enum err_code send_one(struct channel *channel, const struct channel_message *message, struct err *why)
{
    struct syslog *syslog = (struct syslog *)channel;
    bool stream = syslog->way == WAY_TCP || syslog->way == WAY_TLS;
    enum err_code code = ERR_OK;
    struct buf bytes;
    buf_init(&bytes, (size_t)2 * SEND_SYSLOG_BYTES);
    syslogmsg_put(&bytes, message, syslog->facility, clock_wall_ms(),
                  stream ? SEND_SYSLOG_BYTES : SEND_SYSLOG_DATAGRAM_BYTES);
    if (stream && syslog->curl != NULL && !still_there(syslog))
        hang_up(syslog);
    if (syslog->fd < 0 && syslog->curl == NULL)
        code = open_it(syslog, why);
    if (code == ERR_OK && stream)
        code = send_stream(syslog, buf_span(&bytes), why);
    else if (code == ERR_OK)
        code = send_datagram(syslog, buf_span(&bytes), why);
    /* Half a frame would spoil the next one, and a socket that was made anew has another address. */
    if (code != ERR_OK)
        hang_up(syslog);
    buf_fini(&bytes);
    return code;
}

static void destroy(struct channel *channel)
{
    struct syslog *syslog = (struct syslog *)channel;
    hang_up(syslog);
    free(syslog);
}

static const struct channel_ops ops = {.send = send_one, .free = destroy};

/* HOST[:PORT], with IPv6 in brackets. */
static bool read_host(struct syslog *syslog, const char *text, const char *port)
{
    bool bracketed = text[0] == '[';
    size_t len = bracketed ? strcspn(text, "]") + 1 : strcspn(text, ":");
    const char *rest = text + len;
    size_t digits = rest[0] == ':' ? strspn(rest + 1, "0123456789") : 0;
    if (len == 0 || len > 255 || strlen(text) < len || strpbrk(text, "/@?# ") != NULL)
        return false;
    if (rest[0] != '\0' && (rest[0] != ':' || digits == 0 || digits > 5 || rest[1 + digits] != '\0'))
        return false;
    /* curl wants the brackets, the resolver does not. */
    bool bare = bracketed && syslog->way == WAY_UDP;
    (void)snprintf(syslog->host, sizeof syslog->host, "%.*s", (int)(bare ? len - 2 : len), text + bare);
    (void)snprintf(syslog->port, sizeof syslog->port, "%s", rest[0] == ':' ? rest + 1 : port);
    return true;
}

static enum err_code read_address(struct syslog *syslog, const char *address, struct err *why)
{
    static const struct {
        const char *prefix;
        enum way way;
        const char *port;
    } ways[] = {{"udp://", WAY_UDP, "514"}, {"tcp://", WAY_TCP, "601"}, {"tls://", WAY_TLS, "6514"}};
    struct sockaddr_un room;
    (void)snprintf(syslog->place, sizeof syslog->place, "%s", address);
    for (size_t i = 0; i < countof(ways); i++) {
        size_t len = strlen(ways[i].prefix);
        if (strncmp(address, ways[i].prefix, len) != 0)
            continue;
        syslog->way = ways[i].way;
        if (read_host(syslog, address + len, ways[i].port))
            return ERR_OK;
        return err_set(why, ERR_CONFIG, "address: '%s' has no HOST[:PORT]", address);
    }
    syslog->way = WAY_UNIX;
    if (address[0] == '/' && strlen(address) < sizeof room.sun_path)
        return ERR_OK;
    return err_set(why, ERR_CONFIG,
                   "address: '%s' is neither the path of a socket nor udp://, tcp:// or tls://", address);
}

enum err_code send_syslog_new(const struct chanconf *conf, struct channel **channel, struct err *why)
{
    *channel = NULL;
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    struct syslog *syslog = calloc(1, sizeof *syslog);
    must(syslog != NULL);
    syslog->fd = -1;
    (void)snprintf(syslog->name, sizeof syslog->name, "%s", conf->name);
    (void)snprintf(syslog->ca_file, sizeof syslog->ca_file, "%s", conf->ca_file);
    syslog->timeout_ms = 1000 * (conf->timeout_s > 0 ? conf->timeout_s : TIMEOUT_S);
    syslog->channel =
        (struct channel){.ops = &ops, .name = syslog->name, .send_ms_max = 2 * syslog->timeout_ms + 2000};
    syslog->facility = syslogmsg_facility(conf->facility);
    enum err_code code = read_address(syslog, conf->address, why);
    if (code == ERR_OK && syslog->facility < 0)
        code = err_set(why, ERR_CONFIG, "facility: '%s' is none of kern to local7", conf->facility);
    if (code == ERR_OK && conf->ca_file[0] != '\0' && access(conf->ca_file, R_OK) != 0)
        code = err_set(why, ERR_CONFIG, "ca_file: %s: it can not be read", conf->ca_file);
    if (code != ERR_OK)
        destroy(&syslog->channel);
    else
        *channel = &syslog->channel;
    return code;
}
