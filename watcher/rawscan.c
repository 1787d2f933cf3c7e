#include "watcher/rawscan.h"

#include <stdlib.h>

#include "base/dns.h"
#include "base/hash.h"
#include "watcher/ipnet.h"

#define HEAD_MAX    8 /* bytes of a pattern that find its candidates */
#define PATTERN_MAX 512
#define CHUNK       8192
#define BEHIND      2 /* bytes of context before a position */
#define AHEAD       (PATTERN_MAX + HEAD_MAX)
#define NO_PATTERN  UINT32_MAX
#define NOT_A_NAME  0xff

struct pattern {
    const struct watch *watch;
    char *text;
    uint32_t len;
    uint32_t next; /* same bucket */
    bool exact;    /* of this name; an entry has several */
};

struct rawscan {
    struct pattern *patterns;
    size_t count;
    uint32_t *buckets;
    size_t mask;
    uint64_t secret;
    bool heads[HEAD_MAX + 1]; /* lengths of heads in use */
    const struct watch *watches;
    size_t watch_count;
    bool has_ip;
};

/* How the bytes are read: as they are, with length octets as dots, or as UTF-16 of either byte order and
 * alignment (a BMPString is the big-endian one). */
enum view { VIEW_PLAIN, VIEW_LABELS, VIEW_WIDE, VIEW_COUNT = VIEW_WIDE + 4 };

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

static bool is_ldh(uint8_t byte)
{
    uint8_t low = lower(byte);
    return (low >= 'a' && low <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

static size_t head_of(size_t len)
{
    return len < HEAD_MAX ? len : HEAD_MAX;
}

static size_t bucket_of(const struct rawscan *scan, const uint8_t *at, size_t head)
{
    uint64_t key = 0;
    memcpy(&key, at, head);
    key = (key ^ scan->secret) * UINT64_C(0x9e3779b97f4a7c15) + head;
    key ^= key >> 29;
    key *= UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)(key >> 32) & scan->mask;
}

static bool pattern_add(struct rawscan *scan, const struct watch *watch, bool exact, struct span before,
                        struct span text)
{
    size_t len = before.len + text.len;
    if (len == 0 || len > PATTERN_MAX)
        return true;
    char *copy = calloc(len + 1, 1); /* so that nobody has to see that len is not 0 */
    if (copy == NULL)
        return false;
    if (before.len != 0)
        memcpy(copy, before.at, before.len);
    if (text.len != 0)
        memcpy(copy + before.len, text.at, text.len);
    size_t head = head_of(len);
    size_t bucket = bucket_of(scan, (const uint8_t *)copy, head);
    scan->patterns[scan->count] = (struct pattern){watch, copy, (uint32_t)len, scan->buckets[bucket], exact};
    scan->buckets[bucket] = (uint32_t)scan->count++;
    scan->heads[head] = true;
    return true;
}

/* An exact host is also served by a wildcard one label up. */
static bool patterns_in(struct rawscan *scan, const struct watch *watch, bool exact, struct span name)
{
    const uint8_t *dot = name.len == 0 ? NULL : memchr(name.at, '.', name.len);
    bool ok = pattern_add(scan, watch, exact, SPAN_NONE, name);
    if (ok && exact && dot != NULL)
        ok = pattern_add(scan, watch, exact, SPAN_LIT("*"),
                         span_part(name, (size_t)(dot - name.at), name.len));
    return ok;
}

/* What UTF-8 says in one byte a character; 0: it can not be. */
static size_t latin1(struct span text, char *out)
{
    size_t len = 0;
    for (size_t at = 0; at < text.len; at++) {
        uint8_t byte = text.at[at];
        if (byte >= 0x80 && ((byte & 0xfe) != 0xc2 || at + 1 == text.len))
            return 0;
        out[len++] = (char)(byte < 0x80 ? byte : (uint8_t)(byte << 6 | (text.at[++at] & 0x3f)));
    }
    return len;
}

static bool has_a_label(const struct watch_item *item)
{
    return item->kind == WATCH_DNS && strstr(item->name, "xn--") != NULL;
}

/* The name as it is registered, and as people write it: certificates should not, but who reads what can not
 * be parsed must not expect them to do as they should. Of the kinds that say so in front of the name, what
 * stands behind; a key is not to be seen in bytes, only its hash is known. */
static bool patterns_of(struct rawscan *scan, const struct watch *watch, const struct watch_item *item)
{
    const char *plain = item->kind == WATCH_DNS ? item->name : strchr(item->name, ':') + 1;
    struct span name = span_str(plain);
    char unicode[DNS_UNICODE_MAX];
    char narrow[DNS_UNICODE_MAX];
    if (!patterns_in(scan, watch, item->exact, name))
        return false;
    struct span shown = has_a_label(item) ? span_of(unicode, dns_unicode(name, unicode)) : name;
    if (span_eq(shown, name))
        return true;
    size_t len = latin1(shown, narrow);
    return patterns_in(scan, watch, item->exact, shown) &&
           (len == 0 || patterns_in(scan, watch, item->exact, span_of(narrow, len)));
}

static size_t pattern_count(const struct watch *watches, size_t count)
{
    size_t patterns = 1;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < watch_item_count(&watches[i]); k++)
            patterns += has_a_label(watch_item(&watches[i], k)) ? 6 : 2;
    return patterns;
}

static bool patterns_all(struct rawscan *scan, const struct watch *watch)
{
    bool ok = true;
    for (size_t k = 0; ok && k < watch_item_count(watch); k++) {
        const struct watch_item *item = watch_item(watch, k);
        scan->has_ip = scan->has_ip || item->kind == WATCH_IP;
        if (item->kind != WATCH_IP && item->kind != WATCH_SPKI)
            ok = patterns_of(scan, watch, item);
    }
    return ok;
}

struct rawscan *rawscan_new(const struct watch *watches, size_t count)
{
    struct rawscan *scan = calloc(1, sizeof *scan);
    size_t buckets = 1024;
    if (scan == NULL)
        return NULL;
    size_t patterns = pattern_count(watches, count);
    while (buckets < 2 * patterns)
        buckets *= 2;
    scan->watches = watches;
    scan->watch_count = count;
    scan->mask = buckets - 1;
    hash_random(&scan->secret, sizeof scan->secret);
    scan->patterns = calloc(patterns, sizeof *scan->patterns);
    scan->buckets = malloc(buckets * sizeof *scan->buckets);
    bool ok = scan->patterns != NULL && scan->buckets != NULL;
    for (size_t i = 0; ok && i < buckets; i++)
        scan->buckets[i] = NO_PATTERN;
    for (size_t i = 0; ok && i < count; i++)
        ok = patterns_all(scan, &watches[i]);
    if (ok)
        return scan;
    rawscan_free(scan);
    return NULL;
}

void rawscan_free(struct rawscan *scan)
{
    if (scan == NULL)
        return;
    for (size_t i = 0; scan->patterns != NULL && i < scan->count; i++)
        free(scan->patterns[i].text);
    free(scan->patterns);
    free(scan->buckets);
    free(scan);
}

/* Small values can only be lengths; 45 to 63 are letters of host names as well, so what follows must fit. */
static bool is_length(struct span raw, size_t at)
{
    size_t length = raw.at[at];
    if (length < '-')
        return true;
    if (length > 63 || length == '.' || raw.len - at <= length + 1)
        return false;
    for (size_t i = 1; i <= length; i++) {
        if (!is_ldh(raw.at[at + i]))
            return false;
    }
    return raw.at[at + length + 1] <= 63;
}

static size_t view_len(unsigned view, struct span raw)
{
    if (view < VIEW_WIDE)
        return raw.len;
    size_t odd = (view - VIEW_WIDE) & 1;
    return raw.len < odd ? 0 : (raw.len - odd) / 2;
}

static uint8_t view_at(unsigned view, struct span raw, size_t at)
{
    if (view == VIEW_PLAIN)
        return lower(raw.at[at]);
    if (view == VIEW_LABELS)
        return is_length(raw, at) ? '.' : lower(raw.at[at]);
    size_t first = 2 * at + ((view - VIEW_WIDE) & 1);
    bool little = view - VIEW_WIDE >= 2;
    uint8_t high = raw.at[little ? first + 1 : first];
    return high == 0 ? lower(raw.at[little ? first : first + 1]) : NOT_A_NAME;
}

/* A string type or a dNSName in front of its length octet. */
static bool is_string_tag(uint8_t tag)
{
    return tag == 0x82 || tag == 0x0c || tag == 0x13 || tag == 0x14 || tag == 0x16 || tag == 0x86 ||
           tag == 0x81;
}

/* Does the occurrence at text[at] stand on label borders? The byte before may be a length octet that happens
 * to be a letter; the byte after may be the tag of the next SEQUENCE or SET, '0' or '1'. */
static bool borders_fit(const uint8_t *text, size_t begin, size_t end, size_t len, bool exact)
{
    uint8_t before = begin >= 1 ? text[begin - 1] : NOT_A_NAME;
    uint8_t before2 = begin >= 2 ? text[begin - 2] : NOT_A_NAME;
    uint8_t after = end < len ? text[end] : NOT_A_NAME;
    uint8_t after2 = end + 1 < len ? text[end + 1] : NOT_A_NAME;
    if (is_ldh(before) && !is_string_tag(before2))
        return false;
    if (exact && before == '.' && (is_ldh(before2) || before2 == '*'))
        return false;
    if (after == '.')
        return !is_ldh(after2);
    return !is_ldh(after) || after == '0' || after == '1';
}

struct scanning {
    const struct rawscan *scan;
    void (*hit)(void *arg, const struct watch *watch);
    void *arg;
    uint8_t text[BEHIND + CHUNK + AHEAD];
    size_t len;
};

static void try_at(struct scanning *s, size_t at, size_t head)
{
    uint32_t candidate = s->scan->buckets[bucket_of(s->scan, s->text + at, head)];
    for (; candidate != NO_PATTERN; candidate = s->scan->patterns[candidate].next) {
        const struct pattern *pattern = &s->scan->patterns[candidate];
        if (head_of(pattern->len) != head || pattern->len > s->len - at ||
            memcmp(pattern->text, s->text + at, pattern->len) != 0)
            continue;
        if (borders_fit(s->text, at, at + pattern->len, s->len, pattern->exact))
            s->hit(s->arg, pattern->watch);
    }
}

static void scan_view(struct scanning *s, unsigned view, struct span raw)
{
    size_t total = view_len(view, raw);
    for (size_t begin = 0; begin < total; begin += CHUNK) {
        size_t first = begin < BEHIND ? 0 : begin - BEHIND;
        size_t last = total - begin < CHUNK + AHEAD ? total : begin + CHUNK + AHEAD;
        size_t stop = total - begin < CHUNK ? total : begin + CHUNK;
        s->len = last - first;
        for (size_t i = first; i < last; i++)
            s->text[i - first] = view_at(view, raw, i);
        for (size_t i = begin; i < stop; i++) {
            for (size_t head = 1; head <= HEAD_MAX; head++) {
                if (s->scan->heads[head] && head <= last - i)
                    try_at(s, i - first, head);
            }
        }
    }
}

static void hit_inside(const struct scanning *s, const struct watch *watch, struct span ip)
{
    for (size_t k = 0; k < watch_item_count(watch); k++) {
        const struct watch_item *item = watch_item(watch, k);
        if (item->kind == WATCH_IP && ipnet_inside(item, ip))
            s->hit(s->arg, watch);
    }
}

/* GeneralName [7] with 4 or 16 octets. */
static void scan_ip(const struct scanning *s, struct span raw)
{
    for (size_t i = 0; i + 6 <= raw.len; i++) {
        uint8_t length = raw.at[i + 1];
        if (raw.at[i] != 0x87 || (length != 4 && length != 16) || raw.len - i - 2 < length)
            continue;
        for (size_t w = 0; w < s->scan->watch_count; w++)
            hit_inside(s, &s->scan->watches[w], span_of(raw.at + i + 2, length));
    }
}

void rawscan_find(const struct rawscan *scan, struct span bytes,
                  void (*hit)(void *arg, const struct watch *watch), void *arg)
{
    struct scanning s = {.scan = scan, .hit = hit, .arg = arg};
    for (unsigned view = 0; view < VIEW_COUNT && scan->count != 0; view++)
        scan_view(&s, view, bytes);
    if (scan->has_ip)
        scan_ip(&s, bytes);
}
