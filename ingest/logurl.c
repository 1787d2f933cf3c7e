#include "ingest/logurl.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

/* "" when the URL has no such part. */
static void part(CURLU *url, CURLUPart which, char *out, size_t cap)
{
    char *text = NULL;
    out[0] = '\0';
    if (curl_url_get(url, which, &text, 0) == CURLUE_OK)
        (void)snprintf(out, cap, "%s", text);
    curl_free(text);
}

/* A user part or a name that only begins like an address is another machine. */
static bool loopback(const char *host)
{
    struct in_addr address;
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static enum err_code parts_check(const char *what, CURLU *url, const char *given, bool allow_http,
                                 struct err *why)
{
    char text[CTLOG_URL_MAX];
    part(url, CURLUPART_USER, text, sizeof(text));
    if (text[0] != '\0' || strpbrk(given, "@") != NULL)
        return err_set(why, ERR_USAGE, "%s: %s holds a user name; a log wants none", what, given);
    if (strpbrk(given, "?#") != NULL)
        return err_set(why, ERR_USAGE, "%s: %s: what stands behind '?' or '#' can not be part of it", what,
                       given);
    part(url, CURLUPART_HOST, text, sizeof(text));
    if (strncmp(given, "http://", 7) == 0 && !allow_http && !loopback(text))
        return err_set(why, ERR_USAGE, "%s: http:// is taken for this machine only; use https://%s", what,
                       strncmp(what, "--", 2) == 0 ? " or say --allow-http" : "");
    return ERR_OK;
}

enum err_code logurl_take(const char *what, const char *given, bool allow_http, char out[CTLOG_URL_MAX],
                          struct err *why)
{
    size_t len = strlen(given);
    while (len > 0 && given[len - 1] == '/')
        len--;
    if (len == 0)
        return err_set(why, ERR_USAGE, "%s: it is empty; write https://...", what);
    if (len >= CTLOG_URL_MAX)
        return err_set(why, ERR_USAGE, "%s: longer than %d bytes", what, CTLOG_URL_MAX - 1);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)given[i] <= 0x20 || given[i] == 0x7f)
            return err_set(why, ERR_USAGE, "%s: '%s' is not a URL: it holds white space", what, given);
    if (strncmp(given, "http://", 7) != 0 && strncmp(given, "https://", 8) != 0)
        return err_set(why, ERR_USAGE, "%s: '%s' begins neither with https:// nor with http://", what, given);
    CURLU *url = curl_url();
    must(url != NULL);
    CURLUcode read = curl_url_set(url, CURLUPART_URL, given, 0);
    enum err_code code = read == CURLUE_OK ? parts_check(what, url, given, allow_http, why)
                                           : err_set(why, ERR_USAGE, "%s: '%s' is not a URL: %s", what, given,
                                                     curl_url_strerror(read));
    curl_url_cleanup(url);
    memcpy(out, given, len);
    out[len] = '\0';
    return code;
}

/* `host` is `domain` or below it. */
static bool below(const char *host, const char *domain)
{
    size_t len = strlen(host);
    size_t tail = strlen(domain);
    if (len < tail || strcasecmp(host + len - tail, domain) != 0)
        return false;
    return len == tail || host[len - tail - 1] == '.';
}

bool logurl_reserved(const char *text)
{
    static const char *const domains[] = {"example.com", "example.net", "example.org",
                                          "example",     "invalid",     "test"};
    char host[CTLOG_URL_MAX] = "";
    CURLU *url = curl_url();
    must(url != NULL);
    if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
        part(url, CURLUPART_HOST, host, sizeof(host));
    curl_url_cleanup(url);
    size_t len = strlen(host);
    if (len > 1 && host[len - 1] == '.')
        host[len - 1] = '\0';
    for (size_t i = 0; i < countof(domains); i++)
        if (below(host, domains[i]))
            return true;
    return false;
}
