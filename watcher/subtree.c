#include "watcher/subtree.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/dns.h"
#include "base/limits.h"
#include "parser/nc.h"

#define LEAST_V4 8
#define LEAST_V6 16
#define EMAIL    "email:"

/* Lower case. Absent: no name. */
static struct span normal_host(struct span raw, char out[DNS_TEXT_MAX])
{
    if (raw.len == 0 || raw.len >= DNS_TEXT_MAX)
        return SPAN_NONE;
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t byte = raw.at[i];
        bool upper = byte >= 'A' && byte <= 'Z';
        if (byte <= ' ' || byte >= 0x7f || byte == '*' || byte == '?' || byte == '@')
            return SPAN_NONE;
        out[i] = (char)(upper ? byte + 32 : byte);
    }
    struct span name = span_of(out, raw.len);
    return dns_apex(name).len == 0 ? SPAN_NONE : name;
}

static bool has_dot(struct span raw)
{
    return raw.len != 0 && raw.at[0] == '.';
}

/* Some write a leading dot, which means no less here. */
static bool read_dns(struct span raw, struct subtree_base *base, char text[DNS_TEXT_MAX])
{
    base->name = normal_host(span_part(raw, has_dot(raw), raw.len), text);
    base->shown = base->name;
    base->exact = base->name.at != NULL && dns_is_public_suffix(base->name);
    return base->name.at != NULL;
}

/* A mailbox, a host, or with a dot the hosts below one. */
static bool read_email(struct span raw, struct subtree_base *base, char text[2 * DNS_TEXT_MAX])
{
    char host[DNS_TEXT_MAX];
    size_t at = raw.len;
    while (at != 0 && raw.at[at - 1] != '@')
        at--;
    base->user = at != 0;
    base->below = !base->user && has_dot(raw);
    struct span name = normal_host(span_part(raw, at + base->below, raw.len), host);
    if (name.at == NULL || dns_is_public_suffix(name) || at >= DNS_TEXT_MAX)
        return false;
    size_t len = strlen(EMAIL);
    memcpy(text, EMAIL, len);
    if (base->below)
        text[len++] = '.';
    for (size_t i = 0; i < at; i++) {
        uint8_t byte = raw.at[i];
        if (byte <= ' ' || byte >= 0x7f)
            return false;
        text[len++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
    }
    memcpy(text + len, name.at, name.len);
    base->shown = span_of(text, len + name.len);
    base->name = span_part(base->shown, strlen(EMAIL) + base->below, base->shown.len);
    return true;
}

static unsigned leading_ones(const uint8_t *mask, unsigned len)
{
    unsigned bits = 0;
    while (bits < 8 * len && (mask[bits / 8] >> (7 - bits % 8) & 1) != 0)
        bits++;
    return bits;
}

static bool read_ip(struct span raw, struct subtree_base *base, char text[2 * DNS_TEXT_MAX])
{
    char address[INET6_ADDRSTRLEN];
    char mask[INET6_ADDRSTRLEN];
    if (raw.len != 8 && raw.len != 32)
        return false;
    base->ip_len = (uint8_t)(raw.len / 2);
    memcpy(base->ip, raw.at, base->ip_len);
    memcpy(base->mask, raw.at + base->ip_len, base->ip_len);
    if (leading_ones(base->mask, base->ip_len) < (base->ip_len == 4 ? LEAST_V4 : LEAST_V6))
        return false;
    int family = base->ip_len == 4 ? AF_INET : AF_INET6;
    must(inet_ntop(family, base->ip, address, sizeof address) != NULL &&
         inet_ntop(family, base->mask, mask, sizeof mask) != NULL);
    int len = snprintf(text, 2 * DNS_TEXT_MAX, "%s/%s", address, mask);
    base->shown = span_of(text, (size_t)len);
    return true;
}

static bool read_base(const struct nc_item *item, struct subtree_base *base, char text[2 * DNS_TEXT_MAX])
{
    struct span raw = item->base.value;
    *base = (struct subtree_base){.kind = WATCH_DNS};
    if (item->side != NC_PERMITTED)
        return false;
    if (item->base.kind == SAN_DNS)
        return read_dns(raw, base, text);
    base->kind = item->base.kind == SAN_EMAIL ? WATCH_EMAIL : WATCH_IP;
    if (item->base.kind == SAN_EMAIL)
        return read_email(raw, base, text);
    return item->base.kind == SAN_IP && read_ip(raw, base, text);
}

static int by_text(const void *left, const void *right)
{
    const struct subtree_base *a = left;
    const struct subtree_base *b = right;
    size_t len = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = memcmp(a->name.at, b->name.at, len);
    return order != 0 ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static int names_first(const void *left, const void *right)
{
    const struct subtree_base *a = left;
    const struct subtree_base *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->kind == WATCH_DNS ? by_text(a, b) : 0;
}

static size_t count_all(struct span constraints)
{
    struct nc nc;
    struct nc_item item;
    size_t count = 0;
    nc_init(&nc, constraints);
    while (nc_next(&nc, &item))
        count++;
    return count;
}

/* What it points to in `shown` is copied, and `name` with it. */
static bool keep(struct arena *arena, struct subtree_base *base)
{
    struct span copy = arena_copy(arena, base->shown);
    if (copy.at == NULL)
        return false;
    if (base->name.at != NULL)
        base->name = span_part(copy, base->shown.len - base->name.len, copy.len);
    base->shown = copy;
    return true;
}

bool subtree_read(struct span constraints, struct arena *arena, struct subtree *out)
{
    struct nc nc;
    struct nc_item item;
    *out = (struct subtree){.count = 0};
    size_t most = count_all(constraints);
    if (most == 0)
        return true;
    out->at = arena_take(arena, most * sizeof *out->at, _Alignof(struct subtree_base));
    if (out->at == NULL)
        return false;
    nc_init(&nc, constraints);
    while (nc_next(&nc, &item) && out->count < most) {
        char text[2 * DNS_TEXT_MAX];
        struct subtree_base *base = &out->at[out->count];
        if (!read_base(&item, base, text))
            continue;
        if (!keep(arena, base))
            return false;
        out->count++;
        out->names += base->kind == WATCH_DNS;
        out->ranges += base->kind == WATCH_IP;
    }
    if (out->count != 0)
        qsort(out->at, out->count, sizeof *out->at, names_first);
    return true;
}

struct finding_one {
    void (*hit)(void *arg, struct span base, const struct watch *watch);
    void *arg;
    struct span base;
};

static void on_watch(void *arg, const struct watch *watch)
{
    const struct finding_one *one = arg;
    one->hit(one->arg, one->base, watch);
}

/* At the base, right above it, and names right below. */
static void find_near(const struct subtree_base *base, const struct watchset *set, struct finding_one *one)
{
    char wild[DNS_TEXT_MAX + 2] = "*.";
    one->base = base->shown;
    if (base->kind == WATCH_EMAIL && base->user)
        watchset_find_email(set, base->name, on_watch, one);
    if (base->kind != WATCH_DNS)
        return;
    memcpy(wild + 2, base->name.at, base->name.len);
    watchset_find(set, base->name, on_watch, one);
    if (!base->exact)
        watchset_find(set, span_of(wild, base->name.len + 2), on_watch, one);
}

/* The base at or above the name; NULL: none. */
static const struct subtree_base *above(const struct subtree *tree, struct span name)
{
    for (size_t at = 0; tree->names != 0 && at < name.len; at++) {
        if (at != 0 && name.at[at - 1] != '.')
            continue;
        const struct subtree_base key = {.name = span_part(name, at, name.len)};
        const struct subtree_base *found = bsearch(&key, tree->at, tree->names, sizeof key, by_text);
        if (found != NULL && !found->exact)
            return found;
    }
    return NULL;
}

/* Is some address in both? */
static bool overlaps(const struct subtree_base *base, const struct watch_item *item)
{
    bool same = base->ip_len == item->ip_len;
    for (unsigned i = 0; same && i < base->ip_len; i++) {
        unsigned bits = item->ip_prefix > 8 * i ? item->ip_prefix - 8 * i : 0;
        uint8_t own = (uint8_t)(bits >= 8 ? 0xffu : 0xff00u >> bits);
        same = ((base->ip[i] ^ item->ip[i]) & base->mask[i] & own) == 0;
    }
    return same;
}

/* Mailboxes of the permitted hosts; one mailbox was looked up. */
static bool has_mailbox(const struct subtree_base *base, struct span host)
{
    if (base->user)
        return false;
    if (!base->below)
        return span_eq(host, base->name);
    return host.len > base->name.len + 1 && host.at[host.len - base->name.len - 1] == '.' &&
           span_eq(span_part(host, host.len - base->name.len, host.len), base->name);
}

static struct span host_of(const struct watch_item *item)
{
    struct span host = span_str(item->name + strlen(EMAIL));
    for (size_t i = host.len; i != 0; i--)
        if (host.at[i - 1] == '@')
            return span_part(host, i, host.len);
    return host;
}

/* What of it concerns the item, for people; absent: nothing. */
static struct span find_item(const struct subtree *tree, const struct watch_item *item, size_t *budget)
{
    if (item->kind == WATCH_DNS) {
        const struct subtree_base *base = above(tree, span_str(item->name));
        return base != NULL ? base->shown : SPAN_NONE;
    }
    if (item->kind != WATCH_IP && item->kind != WATCH_EMAIL)
        return SPAN_NONE;
    bool ip = item->kind == WATCH_IP;
    size_t begin = ip ? tree->names : tree->names + tree->ranges;
    size_t end = ip ? tree->names + tree->ranges : tree->count;
    struct span host = ip ? SPAN_NONE : host_of(item);
    if (*budget < end - begin)
        return SPAN_LIT(SUBTREE_TOO_MANY);
    *budget -= end - begin;
    for (size_t i = begin; i < end; i++) {
        const struct subtree_base *base = &tree->at[i];
        if (ip ? overlaps(base, item) : has_mailbox(base, host))
            return base->shown;
    }
    return SPAN_NONE;
}

void subtree_find(const struct subtree *tree, const struct watchset *set,
                  void (*hit)(void *arg, struct span base, const struct watch *watch), void *arg)
{
    struct finding_one one = {.hit = hit, .arg = arg};
    size_t count = tree->count == 0 ? 0 : watchset_count(set);
    size_t budget = LIMIT_SUBTREE_CHECKS;
    for (size_t i = 0; i < tree->count; i++)
        find_near(&tree->at[i], set, &one);
    for (size_t i = 0; i < count; i++) {
        const struct watch *watch = watchset_at(set, i);
        struct span base = SPAN_NONE;
        for (size_t k = 0; base.at == NULL && k < watch_item_count(watch); k++)
            base = find_item(tree, watch_item(watch, k), &budget);
        if (base.at != NULL)
            hit(arg, base, watch);
    }
}
