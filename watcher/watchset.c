#include "watcher/watchset.h"

#include <stdlib.h>

#include "base/dns.h"
#include "base/hash.h"
#include "base/text.h"
#include "db/others.h"
#include "watcher/ipnet.h"
#include "watcher/lookalike.h"
#include "watcher/namesift.h"
#include "watcher/rawscan.h"

/* Open tables of keys. A certificate name is looked up once per dot, by what stands right of it. The hash is
 * keyed per snapshot and only finds candidates: the bytes decide. A sieve answers nearly all misses with one
 * load, and a slot is one cache line that holds the key and the watch, so a hit in a million costs one load
 * more. Many names at once (watchset_sift) have all these loads under way together. */

enum slot_use {
    SLOT_NAME = NAMESIFT_NAME, /* the watched name itself */
    SLOT_PARENT =
        NAMESIFT_PARENT, /* the watched name without its first label: "*." in front of it covers the watch */
    SLOT_IP,             /* length of the address, prefix length, network octets */
    SLOT_OTHER,          /* the name of an item of another kind, which begins with its kind */
    SLOT_USES,
};

enum slot_flag {
    SLOT_USED = 1,
    SLOT_MANY = 2,    /* more than one watch */
    SLOT_SUBTREE = 4, /* some watch is not exact: without it only the whole name is worth a look */
    SLOT_EXACT = 8,   /* some watch is exact */
};

#define SLOT_KEY_MAX 45

struct slot {
    uint64_t hash;
    uint32_t first; /* item; the others with this key follow in next[use] */
    uint32_t watch; /* of that item */
    uint16_t key_len;
    uint8_t flags;
    uint8_t key[SLOT_KEY_MAX]; /* the first bytes of it; the item knows the rest */
};

_Static_assert(sizeof(struct slot) == NAMESIFT_LINE, "a hit reads one cache line");

#define NO_ITEM UINT32_MAX

struct table {
    struct slot *slots;
    uint32_t *next; /* per item: ten thousand hosts below one parent make one slot, not a long probe */
};

/* One watched thing of a watch. */
struct item {
    const struct watch_item *is;
    uint32_t watch;
    bool exact;
};

struct watchset {
    atomic_uint pins;
    struct watch *watches;
    size_t count;
    struct item *items;
    size_t item_count;
    unsigned kinds; /* bit per enum watch_kind in use */
    uint64_t generation;
    struct rawscan *rawscan;
    struct lookalike *lookalike;
    struct table table[SLOT_USES];
    size_t slot_mask;
    struct namesift sift;
    uint64_t ip_prefixes[2][3]; /* [IPv6][word]: prefix lengths in use */
};

#define IP_KEY_MAX     18
#define PROBES_AT_ONCE 8

static inline uint64_t hash_use(const struct watchset *set, uint64_t hash, enum slot_use use)
{
    return namesift_use(&set->sift, hash, use);
}

static struct span parent_of(struct span name);

/* A key too long for its slot, as the watch has it. */
static struct span key_of(const struct watchset *set, const struct slot *slot, enum slot_use use)
{
    struct span name = span_str(set->items[slot->first].is->name);
    return use == SLOT_PARENT ? parent_of(name) : name;
}

static inline bool slot_is(const struct watchset *set, const struct slot *slot, struct span key,
                           enum slot_use use)
{
    if (slot->key_len != key.len ||
        memcmp(slot->key, key.at, key.len < SLOT_KEY_MAX ? key.len : SLOT_KEY_MAX) != 0)
        return false;
    return key.len <= SLOT_KEY_MAX || span_eq(key_of(set, slot, use), key);
}

/* The slot of the key, or the free one where it belongs. */
static inline struct slot *slot_find(const struct watchset *set, uint64_t hash, struct span key,
                                     enum slot_use use)
{
    struct slot *slots = set->table[use].slots;
    size_t at = (size_t)hash & set->slot_mask;
    while ((slots[at].flags & SLOT_USED) != 0 &&
           !(slots[at].hash == hash && slot_is(set, &slots[at], key, use)))
        at = (at + 1) & set->slot_mask;
    return &slots[at];
}

static void insert(struct watchset *set, uint64_t key_hash, struct span key, enum slot_use use, uint32_t item)
{
    uint64_t hash = hash_use(set, key_hash, use);
    struct slot *slot = slot_find(set, hash, key, use);
    sieve_add(&set->sift.sieve, hash);
    bool is_new = (slot->flags & SLOT_USED) == 0;
    set->table[use].next[item] = is_new ? NO_ITEM : slot->first;
    slot->hash = hash;
    slot->key_len = (uint16_t)key.len;
    if (key.len != 0)
        memcpy(slot->key, key.at, key.len < SLOT_KEY_MAX ? key.len : SLOT_KEY_MAX);
    slot->first = item;
    slot->watch = set->items[item].watch;
    slot->flags |= (uint8_t)(SLOT_USED | (is_new ? 0 : SLOT_MANY) |
                             (set->items[item].exact ? SLOT_EXACT : SLOT_SUBTREE));
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
    struct span name = span_str(set->items[at].is->name);
    struct span parent = parent_of(name);
    set->sift.shortest = name.len < set->sift.shortest ? name.len : set->sift.shortest;
    insert(set, namehash_bytes(&set->sift.secret, name), name, SLOT_NAME, at);
    insert(set, namehash_bytes(&set->sift.secret, parent), parent, SLOT_PARENT, at);
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
    const struct watch_item *item = set->items[at].is;
    must((item->ip_len == 4 || item->ip_len == 16) && item->ip_prefix <= 8 * item->ip_len);
    uint8_t key[IP_KEY_MAX];
    size_t len = ip_key(item->ip, item->ip_len, item->ip_prefix, key);
    set->ip_prefixes[item->ip_len == 16][item->ip_prefix >> 6] |= UINT64_C(1) << (item->ip_prefix & 63);
    insert(set, namehash_bytes(&set->sift.secret, span_of(key, len)), span_of(key, len), SLOT_IP, at);
}

static bool tables_new(struct watchset *set)
{
    size_t slots = 16;
    while (slots < 2 * set->item_count)
        slots *= 2;
    set->slot_mask = slots - 1;
    bool ok = sieve_init(&set->sift.sieve, set->item_count);
    for (size_t use = 0; use < SLOT_USES; use++) {
        set->table[use].slots = sieve_pages_new(slots * sizeof *set->table[use].slots);
        set->table[use].next = calloc(set->item_count + 1, sizeof *set->table[use].next);
        ok = ok && set->table[use].slots != NULL && set->table[use].next != NULL;
    }
    set->sift.lines[NAMESIFT_NAME] = (const uint8_t *)set->table[SLOT_NAME].slots;
    set->sift.lines[NAMESIFT_PARENT] = (const uint8_t *)set->table[SLOT_PARENT].slots;
    set->sift.line_mask = set->slot_mask;
    return ok;
}

static void destroy(struct watchset *set)
{
    rawscan_free(set->rawscan);
    lookalike_free(set->lookalike);
    watch_free(set->watches, set->count);
    for (size_t use = 0; use < SLOT_USES; use++) {
        sieve_pages_free(set->table[use].slots, (set->slot_mask + 1) * sizeof *set->table[use].slots);
        free(set->table[use].next);
    }
    sieve_fini(&set->sift.sieve);
    free(set->items);
    free(set);
}

static bool items_new(struct watchset *set)
{
    for (size_t i = 0; i < set->count; i++)
        set->item_count += watch_item_count(&set->watches[i]);
    must(set->item_count < UINT32_MAX / 4);
    set->items = calloc(set->item_count + 1, sizeof *set->items);
    size_t at = 0;
    for (size_t i = 0; set->items != NULL && i < set->count; i++) {
        for (size_t k = 0; k < watch_item_count(&set->watches[i]); k++) {
            const struct watch_item *item = watch_item(&set->watches[i], k);
            set->items[at++] = (struct item){item, (uint32_t)i, item->exact};
            set->kinds |= 1u << item->kind;
        }
    }
    return set->items != NULL;
}

static void insert_item(struct watchset *set, uint32_t at)
{
    const struct watch_item *item = set->items[at].is;
    struct span name = span_str(item->name);
    if (item->kind == WATCH_IP)
        insert_ip(set, at);
    else if (item->kind == WATCH_DNS)
        insert_name(set, at);
    else
        insert(set, namehash_bytes(&set->sift.secret, name), name, SLOT_OTHER, at);
}

struct watchset *watchset_new(struct watch *watches, size_t count, uint64_t generation)
{
    struct watchset *set = calloc(1, sizeof *set);
    if (set == NULL) {
        watch_free(watches, count);
        return NULL;
    }
    atomic_init(&set->pins, 1);
    set->watches = watches;
    set->count = count;
    set->generation = generation;
    set->sift.shortest = SIZE_MAX;
    hash_random(&set->sift.secret, sizeof set->sift.secret);
    set->rawscan = rawscan_new(watches, count);
    if (set->rawscan == NULL || !lookalike_new(watches, count, &set->lookalike) || !items_new(set) ||
        !tables_new(set)) {
        destroy(set);
        return NULL;
    }
    for (size_t i = 0; i < set->item_count; i++)
        insert_item(set, (uint32_t)i);
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

const struct lookalike *watchset_lookalike(const struct watchset *set)
{
    return set->lookalike;
}

struct probe {
    uint64_t hash; /* hash_use was applied */
    struct span key;
    enum slot_use use;
    bool whole; /* the key is the whole name, so exact watches are meant too */
};

struct lookup {
    const struct watchset *set;
    watchset_hit *hit;
    void *arg;
    struct probe probes[PROBES_AT_ONCE]; /* waiting for their bit of the bitmap */
    size_t count;
};

static void probe_table(const struct lookup *find, const struct probe *probe)
{
    const struct watchset *set = find->set;
    const struct slot *slot = slot_find(set, probe->hash, probe->key, probe->use);
    if ((slot->flags & SLOT_USED) == 0 || !(probe->whole || (slot->flags & SLOT_SUBTREE) != 0))
        return;
    if ((slot->flags & SLOT_MANY) == 0) {
        find->hit(find->arg, &set->watches[slot->watch]);
        return;
    }
    bool all = probe->whole || (slot->flags & SLOT_EXACT) == 0;
    for (uint32_t at = slot->first; at != NO_ITEM; at = set->table[probe->use].next[at])
        if (all || !set->items[at].exact)
            find->hit(find->arg, &set->watches[set->items[at].watch]);
}

static void probes_flush(struct lookup *find)
{
    for (size_t i = 0; i < find->count; i++)
        probe_table(find, &find->probes[i]);
    find->count = 0;
}

/* Few keys come as far as to the table: it is under way while the rest of the name is asked for. */
static inline void probe_add(struct lookup *find, uint64_t key_hash, struct span key, enum slot_use use,
                             bool whole)
{
    uint64_t hash = hash_use(find->set, key_hash, use);
    if (!sieve_maybe(&find->set->sift.sieve, hash))
        return;
    if (find->count == PROBES_AT_ONCE)
        probes_flush(find);
    __builtin_prefetch(&find->set->table[use].slots[hash & find->set->slot_mask]);
    find->probes[find->count++] = (struct probe){hash, key, use, whole};
}

static inline void probe_suffix(struct lookup *find, const struct namehash *hash, size_t len)
{
    if (len >= find->set->sift.shortest)
        probe_add(find, namehash_suffix(&find->set->sift.secret, hash, len),
                  (struct span){hash->name.at + hash->name.len - len, len}, SLOT_NAME, false);
}

static void find_front(struct lookup *find, const struct namehash *hash)
{
    for (size_t at = hash->name.len - NAMEHASH_TAIL; at-- > 0;)
        if (hash->name.at[at] == '.')
            probe_suffix(find, hash, hash->name.len - at - 1);
}

void watchset_find(const struct watchset *set, struct span name, watchset_hit *hit, void *arg)
{
    struct lookup find;
    find.set = set;
    find.hit = hit;
    find.arg = arg;
    find.count = 0;
    if (name.len == 0)
        return;
    struct namehash hash = namehash_of(name);
    for (uint32_t dots = hash.dots; dots != 0;) {
        unsigned right = (unsigned)__builtin_clz(dots);
        dots &= ~(UINT32_C(1) << (31 - right));
        probe_suffix(&find, &hash, right);
    }
    if (name.len > NAMEHASH_TAIL)
        find_front(&find, &hash);
    if (name.at[0] == '*' && (name.len == 1 || name.at[1] == '.')) {
        struct span covered = span_part(name, name.len == 1 ? 1 : 2, name.len);
        probe_add(&find, namehash_suffix(&set->sift.secret, &hash, covered.len), covered, SLOT_PARENT, true);
    }
    if (name.len >= set->sift.shortest)
        probe_add(&find, namehash_suffix(&set->sift.secret, &hash, name.len), name, SLOT_NAME, true);
    if (find.count != 0)
        probes_flush(&find);
}

bool watchset_sift(const struct watchset *set, const struct span *names, size_t count,
                   struct namesift_key *keys, size_t room, size_t *key_count)
{
    return namesift_keys(&set->sift, names, count, keys, room, key_count);
}

void watchset_find_sifted(const struct watchset *set, const struct namesift_key *key, struct span name,
                          watchset_hit *hit, void *arg)
{
    enum slot_use use = key->parent ? SLOT_PARENT : SLOT_NAME;
    struct lookup find;
    find.set = set;
    find.hit = hit;
    find.arg = arg;
    must(key->len <= name.len);
    struct probe probe = {key->hash, span_part(name, name.len - key->len, name.len), use,
                          key->parent || key->len == name.len};
    probe_table(&find, &probe);
}

/* A name that is nothing but a placeholder may be of any kind; keys and organisations stand elsewhere. */
static bool could_be(struct span name, const struct watch_item *item)
{
    if (item->kind == WATCH_DNS)
        return dns_covers(name, span_str(item->name), !item->exact);
    return item->kind != WATCH_SPKI && item->kind != WATCH_ORG && span_eq(name, SPAN_LIT("?"));
}

size_t watchset_find_placeholder(const struct watchset *set, struct span name, watchset_hit *hit, void *arg)
{
    size_t found = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct watch *watch = &set->watches[i];
        bool could = false;
        for (size_t k = 0; !could && k < watch_item_count(watch); k++)
            could = could_be(name, watch_item(watch, k));
        found += could;
        if (could && hit != NULL)
            hit(arg, watch);
    }
    return found;
}

static void find_ip(const struct watchset *set, const uint8_t *ip, uint8_t ip_len, watchset_hit *hit,
                    void *arg)
{
    uint8_t key[IP_KEY_MAX];
    struct lookup find = {.set = set, .hit = hit, .arg = arg};
    for (unsigned word = 0; word < 3; word++) {
        uint64_t left = set->ip_prefixes[ip_len == 16][word];
        while (left != 0) {
            unsigned prefix = 64 * word + (unsigned)__builtin_ctzll(left);
            left &= left - 1;
            size_t len = ip_key(ip, ip_len, prefix, key);
            probe_add(&find, namehash_bytes(&set->sift.secret, span_of(key, len)), span_of(key, len), SLOT_IP,
                      true);
            probes_flush(&find);
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

static void find_key(const struct watchset *set, struct span key, watchset_hit *hit, void *arg)
{
    struct lookup find = {.set = set, .hit = hit, .arg = arg};
    if (key.len == 0)
        return;
    probe_add(&find, namehash_bytes(&set->sift.secret, key), key, SLOT_OTHER, true);
    probes_flush(&find);
}

static void find_host(const struct watchset *set, const char *prefix, struct span whole, struct span host,
                      watchset_hit *hit, void *arg)
{
    uint8_t key[OTHERS_KEY_MAX];
    find_key(set, span_of(key, others_host_key(prefix, host, key)), hit, arg);
    if (!span_eq(whole, host))
        find_key(set, span_of(key, others_host_key(prefix, whole, key)), hit, arg);
}

bool watchset_has(const struct watchset *set, enum watch_kind kind)
{
    return (set->kinds & 1u << kind) != 0;
}

void watchset_find_email(const struct watchset *set, struct span email, watchset_hit *hit, void *arg)
{
    if (watchset_has(set, WATCH_EMAIL))
        find_host(set, "email:", email, others_email_host(email), hit, arg);
}

void watchset_find_uri(const struct watchset *set, struct span uri, watchset_hit *hit, void *arg)
{
    if (watchset_has(set, WATCH_URI))
        find_host(set, "uri:", uri, others_uri_host(uri), hit, arg);
}

void watchset_find_spki(const struct watchset *set, const uint8_t sha256[32], watchset_hit *hit, void *arg)
{
    char key[5 + 65] = "spki:";
    if (!watchset_has(set, WATCH_SPKI))
        return;
    (void)text_hex(span_of(sha256, 32), key + 5);
    find_key(set, span_str(key), hit, arg);
}

void watchset_find_org(const struct watchset *set, struct span org, watchset_hit *hit, void *arg)
{
    uint8_t key[OTHERS_KEY_MAX];
    if (watchset_has(set, WATCH_ORG))
        find_key(set, span_of(key, others_text_key("org:", org, key)), hit, arg);
}

void watchset_scan(const struct watchset *set, struct span bytes, watchset_hit *hit, void *arg)
{
    rawscan_find(set->rawscan, bytes, hit, arg);
}
