#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"
#include "db/query.h"

#define CN_MAX 400 /* bytes; what is longer is not stored whole */

static enum err_code read_hash(const char *hex, struct query *query, struct err *why)
{
    if (strlen(hex) != 64 || !text_unhex(span_str(hex), query->bytes, 32))
        return err_set(why, ERR_USAGE, "'%s': 64 hex digits are wanted", hex);
    query->len = 32;
    return ERR_OK;
}

/* Two's complement of a magnitude, in place. */
static void negate(uint8_t *bytes, size_t len)
{
    unsigned carry = 1;
    for (size_t i = len; i > 0; i--) {
        unsigned value = (unsigned)(uint8_t)~bytes[i - 1] + carry;
        bytes[i - 1] = (uint8_t)value;
        carry = value >> 8;
    }
}

/* The digits after sign and leading zeros, to the content octets of an INTEGER in its shortest form. */
static enum err_code read_serial(const char *typed, struct query *query, struct err *why)
{
    char digits[2 * QUERY_SERIAL_MAX + 1];
    size_t count = 0;
    bool negative = typed[0] == '-';
    const char *at = typed + (negative ? 1 : 0);
    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
        at += 2;
    bool any = false;
    for (; *at != '\0'; at++) {
        if (*at == ':' && any)
            continue;
        if (!isxdigit((unsigned char)*at) || count == sizeof digits - 4)
            return err_set(why, ERR_USAGE, "'%s': a serial number of up to %d hex digits is wanted", typed,
                           (int)sizeof digits - 4);
        any = true;
        if (count != 0 || *at != '0')
            digits[count++] = *at;
    }
    if (!any)
        return err_set(why, ERR_USAGE, "'%s': a serial number in hex is wanted", typed);
    char whole[2 * QUERY_SERIAL_MAX + 4];
    (void)snprintf(whole, sizeof whole, "00%s%.*s", count % 2 != 0 ? "0" : "", (int)count, digits);
    query->len = strlen(whole) / 2;
    must(query->len <= sizeof query->bytes && text_unhex(span_str(whole), query->bytes, query->len));
    if (negative)
        negate(query->bytes, query->len);
    /* The octet in front is needed only when the sign would change without it. */
    size_t spare = 0;
    while (query->len - spare > 1 &&
           query->bytes[spare] == ((query->bytes[spare + 1] & 0x80u) != 0 ? 0xff : 0x00))
        spare++;
    query->len -= spare;
    memmove(query->bytes, query->bytes + spare, query->len);
    return ERR_OK;
}

struct range {
    uint8_t octets[16];
    bool four; /* of IPv4 */
    uint64_t prefix;
};

static bool read_range(const char *text, struct range *range)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    if (len == 0 || len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    range->four = inet_pton(AF_INET, address, range->octets) == 1;
    if (!range->four && inet_pton(AF_INET6, address, range->octets) != 1)
        return false;
    uint64_t whole = range->four ? 32 : 128;
    range->prefix = whole;
    return slash == NULL || (text_uint(span_str(slash + 1), &range->prefix) && range->prefix <= whole);
}

static bool is_address(const char *text)
{
    struct range range;
    return read_range(text, &range);
}

/* ::ffff:192.0.2.0/120 is 192.0.2.0/24: a host has one spelling, as in what is watched. */
static enum err_code read_ip(const char *typed, struct query *query, struct err *why)
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
    char address[INET6_ADDRSTRLEN];
    struct range range;
    if (!read_range(typed, &range))
        return err_set(why, ERR_USAGE, "'%s': an IP address or CIDR is wanted", typed);
    if (!range.four && range.prefix >= 96 && memcmp(range.octets, mapped, sizeof mapped) == 0) {
        range.four = true;
        range.prefix -= 96;
        memmove(range.octets, range.octets + sizeof mapped, 4);
    }
    must(inet_ntop(range.four ? AF_INET : AF_INET6, range.octets, address, sizeof address) != NULL);
    (void)snprintf(query->text, sizeof query->text, "%s/%" PRIu64, address, range.prefix);
    if (range.prefix == (range.four ? 32 : 128))
        *strchr(query->text, '/') = '\0';
    return ERR_OK;
}

/* `example.com` and `.example.com` mean the same; a leading "*." is part of the name only when a name is
 * asked for. */
static enum err_code read_domain(const char *typed, struct query *query, struct err *why)
{
    bool wildcard = strncmp(typed, "*.", 2) == 0;
    const char *name = typed + (wildcard ? 2 : 0);
    char plain[DNS_TEXT_MAX];
    if ((query->kind == QUERY_SUB || query->kind == QUERY_WILDCARD) && name[0] == '.')
        name++;
    if (query->kind == QUERY_HOST && wildcard)
        return err_set(why, ERR_USAGE, "'%s': a host has no wildcard; use name: or sub:", typed);
    enum err_code code = dns_from_user(name, plain, why);
    if (code != ERR_OK)
        return code;
    int len = snprintf(query->text, sizeof query->text, "%s%s",
                       wildcard && query->kind == QUERY_NAME ? "*." : "", plain);
    return len < (int)sizeof query->text ? ERR_OK : err_set(why, ERR_USAGE, "the name is too long");
}

static bool is_hash(const char *text)
{
    uint8_t bytes[32];
    return strlen(text) == 64 && text_unhex(span_str(text), bytes, sizeof bytes);
}

/* Takes what is not too long and not empty. */
static enum err_code read_words(const char *typed, struct query *query, struct err *why)
{
    size_t most = query->kind == QUERY_CN ? CN_MAX : QUERY_TEXT_MAX;
    size_t begin = strspn(typed, " \t\r\n\v\f");
    size_t len = strlen(typed + begin);
    if (len == 0)
        return err_set(why, ERR_USAGE, "nothing stands behind the kind of search");
    if (len > most)
        return err_set(why, ERR_USAGE, "'%s': more than %zu bytes are not searched for", typed, most);
    memcpy(query->text, typed + begin, len + 1);
    return ERR_OK;
}

/* The host's normal form, where it has one. */
static enum err_code put_host(const char *front, int front_len, const char *host, struct query *query,
                              struct err *why)
{
    char plain[DNS_TEXT_MAX];
    if (dns_from_user(host, plain, NULL) != ERR_OK)
        return ERR_OK;
    int len = snprintf(query->text, sizeof query->text, "%.*s%s", front_len, front, plain);
    return len < (int)sizeof query->text ? ERR_OK : err_set(why, ERR_USAGE, "the address is too long");
}

static enum err_code read_email(const char *typed, struct query *query, struct err *why)
{
    const char *at = strrchr(typed, '@');
    struct err ignored = {0};
    char plain[DNS_TEXT_MAX];
    typed += at == typed;
    enum err_code code = read_words(typed, query, why);
    if (code != ERR_OK)
        return code;
    if (at == NULL || at == typed - 1) {
        if (dns_from_user(typed, plain, &ignored) != ERR_OK)
            return err_set(why, ERR_USAGE, "email: %s", ignored.text);
        return put_host("", 0, typed, query, why);
    }
    if (at[1] == '\0')
        return err_set(why, ERR_USAGE, "'%s': no host stands behind the @", typed);
    return put_host(typed, (int)(at + 1 - typed), at + 1, query, why);
}

static enum err_code read_uri(const char *typed, struct query *query, struct err *why)
{
    enum err_code code = read_words(typed, query, why);
    bool host = code == ERR_OK && strpbrk(query->text, ":/@") == NULL;
    return host ? put_host("", 0, typed, query, why) : code;
}

enum err_code query_parse_issuer(const char *typed, struct query *query, struct err *why)
{
    bool key = strncmp(typed, "spki:", 5) == 0;
    typed += key ? 5 : 0;
    size_t len = strlen(typed);
    if (key && !is_hash(typed))
        return err_set(why, ERR_USAGE, "issuer spki:%s: 64 hex digits are wanted, the SHA-256 of its key",
                       typed);
    if (len == 0 || len > QUERY_TEXT_MAX || !text_is_utf8(span_of(typed, len)))
        return err_set(
            why, ERR_USAGE,
            "'%s': an issuer is a number, 64 hex digits (SHA-256 of its key) or a part of its name", typed);
    memcpy(query->issuer, typed, len + 1);
    return ERR_OK;
}

static const struct kind {
    const char *name;
    enum query_kind kind;
    enum err_code (*read)(const char *typed, struct query *query, struct err *why);
} kinds[] = {
    {"sub", QUERY_SUB, read_domain},
    {"host", QUERY_HOST, read_domain},
    {"name", QUERY_NAME, read_domain},
    {"wildcard", QUERY_WILDCARD, read_domain},
    {"serial", QUERY_SERIAL, read_serial},
    {"sha256", QUERY_SHA256, read_hash},
    {"spki", QUERY_SPKI, read_hash},
    {"fp", QUERY_FP, read_hash},
    {"ip", QUERY_IP, read_ip},
    {"email", QUERY_EMAIL, read_email},
    {"uri", QUERY_URI, read_uri},
    {"org", QUERY_ORG, read_words},
    {"cn", QUERY_CN, read_words},
    {"issuer", QUERY_ISSUER, query_parse_issuer},
    {"ca", QUERY_ISSUER, query_parse_issuer},
    {"text", QUERY_TEXT, read_words},
};

const char *query_parse_kinds(void)
{
    return "sub, host, name, wildcard, serial, sha256, spki, fp, ip, email, uri, org, cn, issuer (or ca) and "
           "text";
}

static enum err_code read_bare(const char *typed, struct query *query, struct err *why)
{
    if (is_hash(typed)) {
        query->kind = QUERY_HASH;
        return read_hash(typed, query, why);
    }
    if (is_address(typed)) {
        query->kind = QUERY_IP;
        return read_ip(typed, query, why);
    }
    if (strchr(typed, '@') != NULL && strchr(typed, ':') == NULL) {
        query->kind = QUERY_EMAIL;
        return read_email(typed, query, why);
    }
    query->kind = QUERY_SUB;
    return read_domain(typed, query, why);
}

enum err_code query_parse(const char *typed, struct query *query, struct err *why)
{
    *query = (struct query){.since_ms = QUERY_NO_TIME,
                            .until_ms = QUERY_NO_TIME,
                            .seen_since_ms = QUERY_NO_TIME,
                            .limit = 100,
                            .timeout_ms = LIMIT_SEARCH_MS};
    if (!text_is_utf8(span_str(typed)))
        return err_set(why, ERR_USAGE, "'%s' is not UTF-8", typed);
    for (size_t i = 0; i < countof(kinds); i++) {
        size_t len = strlen(kinds[i].name);
        if (strncmp(typed, kinds[i].name, len) != 0 || typed[len] != ':')
            continue;
        query->kind = kinds[i].kind;
        return kinds[i].read(typed + len + 1, query, why);
    }
    size_t word = strspn(typed, "abcdefghijklmnopqrstuvwxyz");
    bool port = typed[word] == ':' && isdigit((unsigned char)typed[word + 1]);
    if (word > 0 && typed[word] == ':' && !port && strncmp(typed + word, "://", 3) != 0 && !is_address(typed))
        return err_set(why, ERR_USAGE, "'%.*s:' is no kind of search; there are %s", (int)word, typed,
                       query_parse_kinds());
    return read_bare(typed, query, why);
}
