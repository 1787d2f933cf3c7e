#include "db/fpcache.h"

#include <stdlib.h>
#include <string.h>

#define WAYS 4

struct known {
    uint8_t tbs_fp[32];
    int32_t issuer; /* 0: free */
};

struct set {
    struct known ways[WAYS]; /* newest first */
};

struct fpcache {
    struct set *sets;
    size_t count; /* a power of two, or 0 */
    bool any;
};

struct fpcache *fpcache_new(size_t issuances)
{
    struct fpcache *cache = calloc(1, sizeof *cache);
    size_t count = 1;
    if (cache == NULL || issuances == 0)
        return cache;
    while (count * WAYS < issuances)
        count *= 2;
    cache->sets = calloc(count, sizeof *cache->sets);
    if (cache->sets == NULL) {
        free(cache);
        return NULL;
    }
    cache->count = count;
    return cache;
}

void fpcache_free(struct fpcache *cache)
{
    if (cache == NULL)
        return;
    free(cache->sets);
    free(cache);
}

void fpcache_forget(struct fpcache *cache)
{
    if (cache->any)
        memset(cache->sets, 0, cache->count * sizeof *cache->sets);
    cache->any = false;
}

/* Whoever makes fingerprints that fall into one set makes us ask the database, which costs time only. */
static struct set *set_of(const struct fpcache *cache, const uint8_t tbs_fp[32])
{
    uint64_t word;
    memcpy(&word, tbs_fp + 16, sizeof word);
    return &cache->sets[word & (cache->count - 1)];
}

static bool is(const struct known *known, const uint8_t tbs_fp[32], int32_t issuer)
{
    return known->issuer == issuer && memcmp(known->tbs_fp, tbs_fp, 32) == 0;
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
    for (size_t i = 0; i < WAYS; i++)
        if (is(&set->ways[i], tbs_fp, issuer))
            return true;
    return false;
}

void fpcache_add(struct fpcache *cache, const uint8_t tbs_fp[32], int32_t issuer)
{
    must(issuer != 0);
    if (cache->count == 0)
        return;
    struct set *set = set_of(cache, tbs_fp);
    size_t at = 0;
    while (at < WAYS - 1 && !is(&set->ways[at], tbs_fp, issuer))
        at++;
    memmove(&set->ways[1], &set->ways[0], at * sizeof set->ways[0]);
    memcpy(set->ways[0].tbs_fp, tbs_fp, 32);
    set->ways[0].issuer = issuer;
    cache->any = true;
}
