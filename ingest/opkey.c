#include "ingest/opkey.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

#include "base/suffix.h"
#include "base/text.h"

#define SEPARATORS ", \t\r\n"

static const struct opkey_known rows[] = {
#define OPERATOR(key, per_s, page, align, fresh, http2, source) {#key, per_s, page, align, fresh, http2},
#include "ingest/operator.def"
};

/* "host:port" of a URL, without the user part that log URLs never have. */
static struct span authority(const char *url)
{
    const char *start = strstr(url, "://");
    start = start == NULL ? url : start + 3;
    return span_of(start, strcspn(start, "/?#"));
}

static struct span host_of(struct span whole)
{
    if (whole.len != 0 && whole.at[0] == '[') {
        const uint8_t *end = memchr(whole.at, ']', whole.len);
        return end == NULL ? whole : span_part(whole, 0, (size_t)(end - whole.at) + 1);
    }
    const uint8_t *colon = whole.len == 0 ? NULL : memchr(whole.at, ':', whole.len);
    return colon == NULL ? whole : span_part(whole, 0, (size_t)(colon - whole.at));
}

static void lower_copy(struct span text, char out[PACE_OPERATOR_MAX])
{
    size_t len = text.len < PACE_OPERATOR_MAX - 1 ? text.len : PACE_OPERATOR_MAX - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] + 32) : (char)text.at[i];
    out[len] = '\0';
}

/* A name that ends in a number is an address, in one of the many spellings of one (WHATWG URL, 3.5). */
static bool is_address(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *last = dot == NULL ? host : dot + 1;
    return host[0] == '[' || (last[0] >= '0' && last[0] <= '9');
}

/* Other URLs are those of archives, read from a disk. */
static bool is_remote(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

void opkey_of(const char *given, const char *url, char out[PACE_OPERATOR_MAX])
{
    char host[PACE_OPERATOR_MAX];
    if (given[0] != '\0') {
        lower_copy(span_str(given), out);
        return;
    }
    if (!is_remote(url)) {
        lower_copy(SPAN_LIT("local"), out);
        return;
    }
    struct span whole = authority(url);
    lower_copy(host_of(whole), host);
    size_t len = strlen(host);
    while (len > 0 && host[len - 1] == '.')
        host[--len] = '\0';
    if (is_address(host) || strchr(host, '.') == NULL)
        lower_copy(whole, out);
    else
        lower_copy(suffix_loaded() ? suffix_registrable(span_str(host)) : span_str(host), out);
}

const struct opkey_known *opkey_known(const char *key)
{
    for (size_t i = 0; i < countof(rows); i++)
        if (strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

bool opkey_is_loopback(const char *url)
{
    char host[PACE_OPERATOR_MAX];
    struct span whole = authority(url);
    if (!is_remote(url))
        return true;
    if (memchr(whole.at, '@', whole.len) != NULL)
        return false;
    lower_copy(host_of(whole), host);
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    struct in_addr address;
    return inet_aton(host, &address) != 0 && ntohl(address.s_addr) >> 24 == 127;
}

bool opkey_listed(const char *list, const char *key)
{
    size_t wanted = strlen(key);
    while (*list != '\0') {
        list += strspn(list, SEPARATORS);
        size_t len = strcspn(list, SEPARATORS);
        if (len != 0 && len == wanted && strncasecmp(list, key, len) == 0)
            return true;
        list += len;
    }
    return false;
}
