#include "db/fpcache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/thread.h"

#define WAYS  4
#define WORDS 9                         /* of 32 bits: a fingerprint, and the issuer */
#define PRIME ((UINT64_C(1) << 61) - 1) /* of a sum modulo it */
#define TAKEN (UINT64_C(1) << 63)

__extension__ typedef unsigned __int128 wide;

/* What stands for an issuance: twice 61 bits, each an inner product of all words of (tbs_fp, issuer) with
 * secret keys modulo a prime. Two issuances stand for the same with a probability of 2^-122, whoever made
 * their fingerprints and however: that holds for any pair that was chosen without knowing the keys (Carter
 * and Wegman 1979), and nobody is told what is remembered. */
struct known {
    uint64_t sums[2]; /* the first with TAKEN; 0: free */
};

struct set {
    struct known ways[WAYS]; /* newest first */
};

struct fpcache {
    struct set *sets;
    size_t count; /* a power of two, or 0 */
    bool any;
    uint64_t keys[2][WORDS];
    atomic_uint owners;
    struct lock lock;
    uint64_t age;
    int64_t removals;
};

struct fpcache *fpcache_new(size_t issuances)
{
    struct fpcache *cache = calloc(1, sizeof *cache);
    size_t count = 1;
    if (cache == NULL)
        return NULL;
    thread_lock_init(&cache->lock);
    atomic_init(&cache->owners, 1);
    if (issuances == 0)
        return cache;
    while (count * WAYS < issuances)
        count *= 2;
    cache->sets = calloc(count, sizeof *cache->sets);
    if (cache->sets == NULL || getrandom(cache->keys, sizeof cache->keys, 0) != sizeof cache->keys) {
        fpcache_free(cache);
        return NULL;
    }
    for (size_t i = 0; i < 2 * WORDS; i++)
        cache->keys[i / WORDS][i % WORDS] &= PRIME;
    cache->count = count;
    return cache;
}

struct fpcache *fpcache_share(struct fpcache *cache)
{
    atomic_fetch_add(&cache->owners, 1);
    return cache;
}

void fpcache_free(struct fpcache *cache)
{
    if (cache == NULL || atomic_fetch_sub(&cache->owners, 1) != 1)
        return;
    thread_lock_fini(&cache->lock);
    free(cache->sets);
    free(cache);
}

static void forget(struct fpcache *cache)
{
    if (cache->any)
        memset(cache->sets, 0, cache->count * sizeof *cache->sets);
    cache->any = false;
    cache->age++;
}

void fpcache_forget(struct fpcache *cache)
{
    thread_lock(&cache->lock);
    forget(cache);
    thread_unlock(&cache->lock);
}

uint64_t fpcache_as_of(struct fpcache *cache, int64_t removals)
{
    thread_lock(&cache->lock);
    if (cache->removals != removals)
        forget(cache);
    cache->removals = removals;
    uint64_t age = cache->age;
    thread_unlock(&cache->lock);
    return age;
}

bool fpcache_hold(struct fpcache *cache, uint64_t age)
{
    thread_lock(&cache->lock);
    if (cache->age == age)
        return true;
    thread_unlock(&cache->lock);
    return false;
}

void fpcache_let(struct fpcache *cache)
{
    thread_unlock(&cache->lock);
}

/* Whoever makes fingerprints that fall into one set makes us ask the database, which costs time only. */
static struct set *set_of(const struct fpcache *cache, const uint8_t tbs_fp[32])
{
    uint64_t word;
    memcpy(&word, tbs_fp + 16, sizeof word);
    return &cache->sets[word & (cache->count - 1)];
}

static uint64_t reduced(wide sum)
{
    uint64_t rest = (uint64_t)(sum & PRIME) + (uint64_t)(sum >> 61);
    rest = (rest & PRIME) + (rest >> 61);
    return rest >= PRIME ? rest - PRIME : rest;
}

static struct known known_of(const struct fpcache *cache, const uint8_t tbs_fp[32], int32_t issuer)
{
    uint32_t words[WORDS];
    wide sums[2] = {0, 0};
    memcpy(words, tbs_fp, 32);
    words[WORDS - 1] = (uint32_t)issuer;
    for (size_t i = 0; i < WORDS; i++) {
        sums[0] += (wide)cache->keys[0][i] * words[i];
        sums[1] += (wide)cache->keys[1][i] * words[i];
    }
    return (struct known){{reduced(sums[0]) | TAKEN, reduced(sums[1])}};
}

static bool is(const struct known *known, const struct known *asked)
{
    return known->sums[0] == asked->sums[0] && known->sums[1] == asked->sums[1];
}

void fpcache_fetch(const struct fpcache *cache, const uint8_t tbs_fp[32])
{
    if (cache->count == 0)
        return;
    const uint8_t *set = (const uint8_t *)set_of(cache, tbs_fp);
    for (size_t i = 0; i < sizeof(struct set); i += 64)
        __builtin_prefetch(set + i);
}

bool fpcache_has(const struct fpcache *cache, const uint8_t tbs_fp[32], int32_t issuer)
{
    if (!cache->any || issuer == 0)
        return false;
    const struct set *set = set_of(cache, tbs_fp);
    const struct known asked = known_of(cache, tbs_fp, issuer);
    for (size_t i = 0; i < WAYS; i++)
        if (is(&set->ways[i], &asked))
            return true;
    return false;
}

void fpcache_add(struct fpcache *cache, const uint8_t tbs_fp[32], int32_t issuer)
{
    must(issuer != 0);
    if (cache->count == 0)
        return;
    struct set *set = set_of(cache, tbs_fp);
    const struct known fresh = known_of(cache, tbs_fp, issuer);
    size_t at = 0;
    while (at < WAYS - 1 && !is(&set->ways[at], &fresh))
        at++;
    memmove(&set->ways[1], &set->ways[0], at * sizeof set->ways[0]);
    set->ways[0] = fresh;
    cache->any = true;
}
