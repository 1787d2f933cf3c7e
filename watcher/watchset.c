#include "watcher/watchset.h"

#include <stdlib.h>

#include "base/dns.h"
#include "base/hash.h"
#include "watcher/ipnet.h"
#include "watcher/rawscan.h"

/* One open table for all keys. A key of a DNS watch is a name without its trailing labels cut anywhere, so a
 * certificate name is looked up once per dot. The hash is keyed per snapshot and only finds candidates: the
 * bytes decide. A bitmap that fits the cache answers most misses with one load. */

enum slot_use {
    SLOT_NAME,   /* the watched name itself */
    SLOT_PARENT, /* the watched name without its first label: "*." in front of it covers the watch */
    SLOT_IP,     /* tag octet (length of the address), prefix length, network octets */
};

struct slot {
    uint64_t hash;
    const uint8_t *key; /* NULL: free */
    uint32_t key_len;
    uint32_t first; /* watch; the others with this key follow in next[use] */
    uint8_t use;
};

#define NO_WATCH UINT32_MAX

struct watchset {
    atomic_uint pins;
    struct watch *watches;
    size_t count;
    uint64_t generation;
    uint64_t secret[2];
    struct rawscan *rawscan;
    struct slot *slots;
    size_t slot_mask;
    uint32_t
        *next[3]; /* per use and watch: ten thousand hosts below one parent make one slot, not a long probe */
    uint64_t *bitmap;
    unsigned bitmap_shift;
    uint8_t *ip_keys;           /* IP_KEY_MAX bytes per watch */
    uint64_t ip_prefixes[2][3]; /* [IPv6][word]: prefix lengths in use */
};

#define IP_KEY_MAX      18
#define BITS_PER_KEY    16
#define BITMAP_BITS_MIN 12

/* Folded 64x64 multiplication: every input bit reaches every output bit. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Up to eight bytes as a number; `len` itself is mixed in by the caller. */
static inline uint64_t load_short(const uint8_t *at, size_t len)
{
    if (len >= 4) {
        uint32_t head;
        uint32_t tail;
        memcpy(&head, at, 4);
        memcpy(&tail, at + len - 4, 4);
        return (uint64_t)head << 32 | tail;
    }
    if (len == 0)
        return 0;
    return (uint64_t)at[0] << 16 | (uint64_t)at[len / 2] << 8 | at[len - 1];
}

/* Adds one label (or any key) to the hash of what stands right of it. */
static inline uint64_t hash_label(const struct watchset *set, uint64_t hash, const uint8_t *at, size_t len)
{
    uint64_t tagged = hash ^ (len * UINT64_C(0x9e3779b97f4a7c15));
    while (len > 8) {
        uint64_t chunk;
        memcpy(&chunk, at, 8);
        tagged = fold(tagged ^ chunk, set->secret[0]);
        at += 8;
        len -= 8;
    }
    return fold(tagged ^ load_short(at, len), set->secret[1]) ^ tagged;
}

static uint64_t hash_name(const struct watchset *set, struct span name)
{
    uint64_t hash = set->secret[0];
    size_t end = name.len;
    for (size_t i = name.len; i-- > 0;) {
        if (name.at[i] != '.')
            continue;
        hash = hash_label(set, hash, name.at + i + 1, end - i - 1);
        end = i;
    }
    return hash_label(set, hash, name.at, end);
}

static inline bool maybe(const struct watchset *set, uint64_t hash)
{
    uint64_t bit = hash >> set->bitmap_shift;
    return (set->bitmap[bit >> 6] >> (bit & 63) & 1) != 0;
}

/* The hash of the use keeps the three kinds of keys apart: "com" is only looked up as a parent when a
 * wildcard stands in front of it. */
static inline uint64_t hash_use(const struct watchset *set, uint64_t hash, enum slot_use use)
{
    return use == SLOT_NAME ? hash
                            : fold(hash ^ set->secret[1], UINT64_C(0x9e3779b97f4a7c15) + 2 * (uint64_t)use);
}

static struct slot *slot_find(const struct watchset *set, uint64_t hash, struct span key, enum slot_use use)
{
    size_t at = (size_t)hash & set->slot_mask;
    for (; set->slots[at].key != NULL; at = (at + 1) & set->slot_mask) {
        const struct slot *slot = &set->slots[at];
        if (slot->hash == hash && slot->use == use && span_eq(span_of(slot->key, slot->key_len), key))
            break;
    }
    return &set->slots[at];
}

static void insert(struct watchset *set, uint64_t key_hash, struct span key, enum slot_use use,
                   uint32_t watch)
{
    uint64_t hash = hash_use(set, key_hash, use);
    uint64_t bit = hash >> set->bitmap_shift;
    set->bitmap[bit >> 6] |= UINT64_C(1) << (bit & 63);
    struct slot *slot = slot_find(set, hash, key, use);
    set->next[use][watch] = slot->key == NULL ? NO_WATCH : slot->first;
    *slot = (struct slot){hash, key.at, (uint32_t)key.len, watch, (uint8_t)use};
}

static struct span parent_of(struct span name)
{
    const uint8_t *dot = name.len == 0 ? NULL : memchr(name.at, '.', name.len);
    if (dot == NULL)
        return span_part(name, name.len, name.len);
    return span_part(name, (size_t)(dot - name.at) + 1, name.len);
}

static void insert_name(struct watchset *set, uint32_t at)
{
    struct span name = span_str(set->watches[at].name);
    struct span parent = parent_of(name);
    insert(set, hash_name(set, name), name, SLOT_NAME, at);
    insert(set, hash_name(set, parent), parent, SLOT_PARENT, at);
}

static size_t ip_key(const uint8_t *ip, uint8_t ip_len, unsigned prefix, uint8_t key[IP_KEY_MAX])
{
    key[0] = ip_len;
    key[1] = (uint8_t)prefix;
    memcpy(key + 2, ip, ip_len);
    ipnet_mask(key + 2, ip_len, prefix);
    return 2u + ip_len;
}

static void insert_ip(struct watchset *set, uint32_t at)
{
    const struct watch *watch = &set->watches[at];
    must((watch->ip_len == 4 || watch->ip_len == 16) && watch->ip_prefix <= 8 * watch->ip_len);
    uint8_t *key = set->ip_keys + (size_t)at * IP_KEY_MAX;
    size_t len = ip_key(watch->ip, watch->ip_len, watch->ip_prefix, key);
    set->ip_prefixes[watch->ip_len == 16][watch->ip_prefix >> 6] |= UINT64_C(1) << (watch->ip_prefix & 63);
    insert(set, hash_label(set, set->secret[1], key, len), span_of(key, len), SLOT_IP, at);
}

static bool tables_new(struct watchset *set)
{
    size_t keys = 2 * set->count + 1;
    size_t slots = 16;
    while (slots < 2 * keys)
        slots *= 2;
    unsigned bits = BITMAP_BITS_MIN;
    while (bits < 40 && (UINT64_C(1) << bits) < keys * BITS_PER_KEY)
        bits++;
    set->slot_mask = slots - 1;
    set->bitmap_shift = 64 - bits;
    set->slots = calloc(slots, sizeof *set->slots);
    set->bitmap = calloc((size_t)1 << (bits - 6), sizeof *set->bitmap);
    set->ip_keys = calloc(set->count + 1, IP_KEY_MAX);
    bool ok = set->slots != NULL && set->bitmap != NULL && set->ip_keys != NULL;
    for (size_t use = 0; use < countof(set->next); use++) {
        set->next[use] = calloc(set->count + 1, sizeof *set->next[use]);
        ok = ok && set->next[use] != NULL;
    }
    return ok;
}

static void destroy(struct watchset *set)
{
    rawscan_free(set->rawscan);
    watch_free(set->watches, set->count);
    free(set->slots);
    free(set->bitmap);
    free(set->ip_keys);
    for (size_t use = 0; use < countof(set->next); use++)
        free(set->next[use]);
    free(set);
}

struct watchset *watchset_new(struct watch *watches, size_t count, uint64_t generation)
{
    struct watchset *set = calloc(1, sizeof *set);
    must(count < UINT32_MAX / 4);
    if (set == NULL) {
        watch_free(watches, count);
        return NULL;
    }
    atomic_init(&set->pins, 1);
    set->watches = watches;
    set->count = count;
    set->generation = generation;
    hash_random(set->secret, sizeof set->secret);
    set->secret[0] |= 1;
    set->secret[1] |= 1;
    set->rawscan = rawscan_new(watches, count);
    if (set->rawscan == NULL || !tables_new(set)) {
        destroy(set);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (watches[i].kind == WATCH_IP)
            insert_ip(set, (uint32_t)i);
        else
            insert_name(set, (uint32_t)i);
    }
    return set;
}

struct watchset *watchset_pin(struct watchset *set)
{
    unsigned before = atomic_fetch_add_explicit(&set->pins, 1, memory_order_relaxed);
    must(before != 0);
    return set;
}

void watchset_unpin(struct watchset *set)
{
    if (set == NULL)
        return;
    unsigned before = atomic_fetch_sub_explicit(&set->pins, 1, memory_order_acq_rel);
    must(before != 0);
    if (before == 1)
        destroy(set);
}

uint64_t watchset_generation(const struct watchset *set)
{
    return set->generation;
}

size_t watchset_count(const struct watchset *set)
{
    return set->count;
}

const struct watch *watchset_at(const struct watchset *set, size_t at)
{
    must(at < set->count);
    return &set->watches[at];
}

size_t watchset_place(const struct watchset *set, const struct watch *watch)
{
    must(watch >= set->watches && watch < set->watches + set->count);
    return (size_t)(watch - set->watches);
}

struct probe {
    struct span key;
    enum slot_use use;
    bool whole; /* the key is the whole name, so exact watches are meant too */
    watchset_hit *hit;
    void *arg;
};

static inline void probe_table(const struct watchset *set, uint64_t key_hash, const struct probe *probe)
{
    uint64_t hash = hash_use(set, key_hash, probe->use);
    if (!maybe(set, hash))
        return;
    const struct slot *slot = slot_find(set, hash, probe->key, probe->use);
    if (slot->key == NULL)
        return;
    for (uint32_t at = slot->first; at != NO_WATCH; at = set->next[probe->use][at]) {
        if (probe->whole || !set->watches[at].exact)
            probe->hit(probe->arg, &set->watches[at]);
    }
}

void watchset_find(const struct watchset *set, struct span name, watchset_hit *hit, void *arg)
{
    uint64_t hash = set->secret[0];
    size_t end = name.len;
    for (size_t i = name.len; i-- > 0;) {
        if (name.at[i] != '.')
            continue;
        hash = hash_label(set, hash, name.at + i + 1, end - i - 1);
        end = i;
        struct probe probe = {span_of(name.at + i + 1, name.len - i - 1), SLOT_NAME, false, hit, arg};
        probe_table(set, hash, &probe);
    }
    if (name.len == 0)
        return;
    if (name.at[0] == '*' && (name.len == 1 || name.at[1] == '.')) {
        struct span covered = span_part(name, name.len == 1 ? 1 : 2, name.len);
        struct probe parent = {covered, SLOT_PARENT, true, hit, arg};
        probe_table(set, name.len == 1 ? hash_name(set, covered) : hash, &parent);
    }
    struct probe probe = {name, SLOT_NAME, true, hit, arg};
    probe_table(set, hash_label(set, hash, name.at, end), &probe);
}

size_t watchset_find_placeholder(const struct watchset *set, struct span name, watchset_hit *hit, void *arg)
{
    size_t found = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct watch *watch = &set->watches[i];
        if (watch->kind == WATCH_DNS && !dns_covers(name, span_str(watch->name), !watch->exact))
            continue;
        if (watch->kind == WATCH_IP && !span_eq(name, SPAN_LIT("?")))
            continue;
        found++;
        if (hit != NULL)
            hit(arg, watch);
    }
    return found;
}

static void find_ip(const struct watchset *set, const uint8_t *ip, uint8_t ip_len, watchset_hit *hit,
                    void *arg)
{
    uint8_t key[IP_KEY_MAX];
    for (unsigned word = 0; word < 3; word++) {
        uint64_t left = set->ip_prefixes[ip_len == 16][word];
        while (left != 0) {
            unsigned prefix = 64 * word + (unsigned)__builtin_ctzll(left);
            left &= left - 1;
            size_t len = ip_key(ip, ip_len, prefix, key);
            struct probe probe = {span_of(key, len), SLOT_IP, true, hit, arg};
            probe_table(set, hash_label(set, set->secret[1], key, len), &probe);
        }
    }
}

void watchset_find_ip(const struct watchset *set, struct span ip, watchset_hit *hit, void *arg)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (ip.len == 4)
        find_ip(set, ip.at, 4, hit, arg);
    if (ip.len != 16)
        return;
    find_ip(set, ip.at, 16, hit, arg);
    if (memcmp(ip.at, mapped, sizeof mapped) == 0)
        find_ip(set, ip.at + 12, 4, hit, arg);
}

void watchset_scan(const struct watchset *set, struct span bytes, watchset_hit *hit, void *arg)
{
    rawscan_find(set->rawscan, bytes, hit, arg);
}
