#include "cli/watchname.h"

#include <stdio.h>
#include <strings.h>

#include "base/text.h"
#include "db/others.h"
#include "watcher/ipnet.h"

#define WATCHNAME_SHOWN 256

static bool watchname_is_number(struct span label)
{
    uint64_t value;

    return text_uint(label, &value) || span_starts(label, SPAN_LIT("0x")) ||
           span_starts(label, SPAN_LIT("0X"));
}

/* What nobody means as a name: two colons, or a last label that is a number (as browsers have it). */
static bool watchname_like_address(struct span text)
{
    const uint8_t *slash = text.len == 0 ? NULL : memchr(text.at, '/', text.len);
    size_t begin;

    if (slash != NULL)
        text.len = (size_t)(slash - text.at);
    const uint8_t *colon = text.len == 0 ? NULL : memchr(text.at, ':', text.len);
    if (colon != NULL && memchr(colon + 1, ':', text.len - (size_t)(colon + 1 - text.at)) != NULL)
        return true;
    if (text.len > 0 && text.at[text.len - 1] == '.')
        text.len--;
    for (begin = text.len; begin > 0 && text.at[begin - 1] != '.';)
        begin--;
    return watchname_is_number(span_part(text, begin, text.len));
}

/* Which part of a URL, host:port or mail address is the host; false: it is none of them. */
static bool watchname_host(const char *typed, struct span *host)
{
    const char *begin = strstr(typed, "://");
    const char *at;

    begin = begin == NULL ? typed : begin + 3;
    size_t len = strcspn(begin, "/?#");
    bool dressed = begin != typed || begin[len] != '\0';
    if ((at = memrchr(begin, '@', len)) != NULL) {
        len -= (size_t)(at + 1 - begin);
        begin = at + 1;
        dressed = true;
    }
    const char *colon = memchr(begin, ':', len);
    if (begin[0] == '[' && memchr(begin, ']', len) != NULL) {
        len = strcspn(++begin, "]");
    } else if (colon != NULL) {
        len = (size_t)(colon - begin);
        dressed = true;
    }
    *host = span_of(begin, len);
    return dressed && len > 0;
}

/* An address or range; its host bits must not be set, because nobody knows which half was meant. */
static enum err_code watchname_address(const char *typed, struct watch *watch, char out[DNS_TEXT_MAX],
                                       struct err *why)
{
    struct watch whole = *watch;
    char network[IPNET_TEXT_MAX];
    char address[IPNET_TEXT_MAX];
    char ignored[IPNET_TEXT_MAX];
    char visible[WATCHNAME_SHOWN];

    if (!ipnet_parse(typed, &watch->item, network))
        return err_set(why, ERR_USAGE, "'%s' is not an IP address or CIDR; write 192.0.2.7 or 192.0.2.0/24",
                       text_visible_str(span_str(typed), visible, sizeof visible));
    (void)snprintf(address, sizeof address, "%.*s", (int)strcspn(typed, "/"), typed);
    must(ipnet_parse(address, &whole.item, ignored));
    if (memcmp(whole.ip, watch->ip, watch->ip_len) != 0)
        return err_set(why, ERR_USAGE, "'%s' has host bits set; the network is %s, the address alone %s",
                       typed, network, ignored);
    watch->kind = WATCH_IP;
    (void)snprintf(out, DNS_TEXT_MAX, "%s", network);
    return ERR_OK;
}

static void watchname_lower(char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text + 32);
}

/* PREFIX TEXT, in lower case. */
static enum err_code watchname_put(const char *prefix, const char *text, char out[DNS_TEXT_MAX],
                                   struct err *why)
{
    int len = snprintf(out, DNS_TEXT_MAX, "%s%s", prefix, text);
    watchname_lower(out);
    return len < DNS_TEXT_MAX ? ERR_OK : err_set(why, ERR_USAGE, "%s it is too long", prefix);
}

static enum err_code watchname_email(const char *typed, char out[DNS_TEXT_MAX], struct err *why)
{
    char host[DNS_TEXT_MAX];
    char whole[2 * DNS_TEXT_MAX];
    const char *at = strrchr(typed, '@');
    if (at != NULL && at - typed >= DNS_TEXT_MAX)
        return err_set(why, ERR_USAGE, "email: it is too long");
    struct err inner = {0};
    if (dns_from_user(at == NULL ? typed : at + 1, host, &inner) != ERR_OK)
        return err_set(why, ERR_USAGE, "'%s': an address such as bob@example.com or a host is wanted", typed);
    (void)snprintf(whole, sizeof whole, "%.*s%s", at == NULL || at == typed ? 0 : (int)(at + 1 - typed),
                   typed, host);
    return watchname_put("email:", whole, out, why);
}

/* "spiffe://example.org" means all of that trust domain, as "https://example.org/" all of that host. */
static enum err_code watchname_uri(const char *typed, char out[DNS_TEXT_MAX], struct err *why)
{
    char host[DNS_TEXT_MAX];
    const char *begin = strstr(typed, "://");
    const char *rest = begin == NULL ? typed : begin + 3;
    size_t len = strcspn(rest, "/?#");
    bool all = rest[len] == '\0' || (rest[len] == '/' && rest[len + 1] == '\0');
    if (!all && begin != NULL)
        return watchname_put("uri:", typed, out, why);
    if (!all || len == 0 || len >= sizeof host || memchr(rest, '@', len) != NULL)
        return err_set(why, ERR_USAGE,
                       "'%s': a host, or a whole URI such as spiffe://example.org/a, is wanted", typed);
    (void)snprintf(host, sizeof host, "%.*s", (int)len, rest);
    char plain[DNS_TEXT_MAX];
    struct err ignored = {0};
    bool name = dns_from_user(host, plain, &ignored) == ERR_OK;
    return watchname_put("uri:", name ? plain : host, out, why);
}

static enum err_code watchname_spki(const char *typed, char out[DNS_TEXT_MAX], struct err *why)
{
    uint8_t hash[32];
    if (strlen(typed) != 64 || !text_unhex(span_str(typed), hash, sizeof hash))
        return err_set(why, ERR_USAGE, "'%s': 64 hex digits are wanted, the SHA-256 of the key", typed);
    return watchname_put("spki:", typed, out, why);
}

static enum err_code watchname_org(const char *typed, char out[DNS_TEXT_MAX], struct err *why)
{
    uint8_t key[OTHERS_KEY_MAX];
    size_t len = others_text_key("org:", span_str(typed), key);
    if (len <= 4 || len >= OTHERS_KEY_MAX - 1)
        return err_set(why, ERR_USAGE, "an organisation of 1 to %d bytes is wanted", OTHERS_KEY_MAX - 6);
    memcpy(out, key, len);
    out[len] = '\0';
    return ERR_OK;
}

enum err_code watchname_read_kind(const char *typed, enum watch_kind kind, struct watch_item *item,
                                  char out[DNS_TEXT_MAX], struct err *why)
{
    char visible[WATCHNAME_SHOWN];
    static enum err_code (*const read[WATCH_KIND_COUNT])(const char *typed, char out[DNS_TEXT_MAX],
                                                         struct err *why) = {
        [WATCH_EMAIL] = watchname_email,
        [WATCH_URI] = watchname_uri,
        [WATCH_SPKI] = watchname_spki,
        [WATCH_ORG] = watchname_org,
    };
    const char *name = watch_kind_name(kind);
    size_t len = strlen(name);
    if (strncmp(typed, name, len) == 0 && typed[len] == ':' && read[kind] != NULL)
        typed += len + 1;
    if (!text_is_utf8(span_str(typed)))
        return err_set(why, ERR_USAGE, "'%s': it is not UTF-8",
                       text_visible_str(span_str(typed), visible, sizeof visible));
    if (read[kind] != NULL) {
        item->kind = kind;
        return read[kind](typed, out, why);
    }
    struct watch watch = {.item = *item};
    enum err_code code = watchname_read(typed, &watch, out, why);
    if (code == ERR_OK && watch.kind != kind)
        code = err_set(why, ERR_USAGE, "'%s': %s is wanted", typed,
                       kind == WATCH_IP ? "an address or a network" : "a domain");
    *item = watch.item;
    return code;
}

/* What certificates hold beside names of hosts: http and https are what a browser shows, and mean the host.
 */
static const char *watchname_kind_meant(const char *typed)
{
    if (strstr(typed, "://") != NULL)
        return strncasecmp(typed, "http", 4) == 0 ? NULL : watch_kind_name(WATCH_URI);
    return strchr(typed, '@') != NULL ? watch_kind_name(WATCH_EMAIL) : NULL;
}

enum err_code watchname_read(const char *typed, struct watch *watch, char out[DNS_TEXT_MAX], struct err *why)
{
    char visible[WATCHNAME_SHOWN];
    struct err inner = {0};
    struct span host;

    (void)text_visible_str(span_str(typed), visible, sizeof visible);
    if (typed[strspn(typed, " .")] == '\0')
        return err_set(why, ERR_USAGE, "the domain is empty");
    if (!text_is_utf8(span_str(typed)))
        return err_set(why, ERR_USAGE, "'%s': it is not UTF-8", visible);
    for (size_t kind = WATCH_EMAIL; kind < WATCH_KIND_COUNT; kind++) {
        const char *word = watch_kind_name((enum watch_kind)kind);
        if (strncmp(typed, word, strlen(word)) == 0 && typed[strlen(word)] == ':')
            return watchname_read_kind(typed, (enum watch_kind)kind, &watch->item, out, why);
    }
    if (watchname_like_address(span_str(typed)))
        return watchname_address(typed, watch, out, why);
    if (watchname_host(typed, &host)) {
        const char *kind = watchname_kind_meant(typed);
        return err_set(why, ERR_USAGE, "'%s' is more than a host name; give the host name only: %.*s%s%s%s%s",
                       visible, (int)host.len, (const char *)host.at, kind == NULL ? "" : "; or write ",
                       kind == NULL ? "" : kind, kind == NULL ? "" : ":", kind == NULL ? "" : visible);
    }
    if (strchr(typed, '*') != NULL)
        return err_set(why, ERR_USAGE,
                       "'%s': write the domain without '*': everything below it is watched anyway", visible);
    watch->kind = WATCH_DNS;
    if (dns_from_user(typed + (typed[0] == '.'), out, &inner) != ERR_OK)
        return err_set(why, ERR_USAGE, "%s", inner.text);
    return ERR_OK;
}

const char *watchname_warning(const struct watch *watch, const char *name)
{
    if (watch->kind != WATCH_IP && watch->kind != WATCH_DNS)
        return NULL;
    if (watch->kind == WATCH_IP)
        return watch->ip_prefix == 0 ? "every address lies in it; there will be many alerts" : NULL;
    if (!watch->exact && strchr(name, '.') == NULL)
        return "it is a single label: all names below that top-level domain are watched, and if there is one,"
               " there will be many alerts; no public CA issues for internal names";
    if (!watch->exact && dns_is_public_suffix(span_str(name)))
        return "it is a public suffix, everybody registers names below it; there will be many alerts";
    return NULL;
}
