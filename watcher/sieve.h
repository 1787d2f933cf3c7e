/* What keeps nearly all keys away from a large table: two bits for each key of the table, both in one word
 * that the first bits of its hash choose. "No" is certain; "maybe" is to be looked up. And memory for such
 * tables. */
#ifndef CTVIGIL_SIEVE_H
#define CTVIGIL_SIEVE_H

#include "base/span.h"

struct sieve {
    uint64_t *words;
    unsigned shift;
};

/* For so many keys; false: out of memory. */
MUST_USE bool sieve_init(struct sieve *sieve, size_t keys);
void sieve_fini(struct sieve *sieve); /* one of zeros is fine */

/* Zeroed memory straight from the system: pages nobody touches cost nothing, so a table is made for the worst
 * case, and in one of many megabytes half of a random read would be the walk to a small page. NULL: none is
 * left. */
void *sieve_pages_new(size_t size);
void sieve_pages_free(void *pages, size_t size); /* NULL is fine */

static inline uint64_t sieve_bits(uint64_t hash)
{
    return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63);
}

static inline void sieve_add(struct sieve *sieve, uint64_t hash)
{
    sieve->words[hash >> sieve->shift] |= sieve_bits(hash);
}

static inline bool sieve_maybe(const struct sieve *sieve, uint64_t hash)
{
    return (~sieve->words[hash >> sieve->shift] & sieve_bits(hash)) == 0;
}

/* sieve_maybe will be asked of this hash soon. */
static inline void sieve_soon(const struct sieve *sieve, uint64_t hash)
{
    __builtin_prefetch(&sieve->words[hash >> sieve->shift]);
}

#endif
