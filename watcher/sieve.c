#include "watcher/sieve.h"

#include <sys/mman.h>

#define BITS_PER_KEY  16
#define BITS_SMALL    32 /* while it stays small beside a cache */
#define SMALL_KEYS    32768
#define BITS_MIN      12
#define BITS_MAX      40
#define BITS_OF_WORDS 6

void *sieve_pages_new(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    (void)madvise(pages, size, MADV_HUGEPAGE);
    return pages;
}

void sieve_pages_free(void *pages, size_t size)
{
    if (pages != NULL)
        (void)munmap(pages, size);
}

static size_t size_of(const struct sieve *sieve)
{
    return (size_t)1 << (64 - sieve->shift + 3);
}

bool sieve_init(struct sieve *sieve, size_t keys)
{
    size_t each = keys <= SMALL_KEYS ? BITS_SMALL : BITS_PER_KEY;
    unsigned bits = BITS_MIN;
    while (bits < BITS_MAX && (UINT64_C(1) << bits) < keys * each)
        bits++;
    sieve->shift = 64 - (bits - BITS_OF_WORDS);
    sieve->words = sieve_pages_new(size_of(sieve));
    return sieve->words != NULL;
}

void sieve_fini(struct sieve *sieve)
{
    if (sieve->words != NULL)
        sieve_pages_free(sieve->words, size_of(sieve));
    sieve->words = NULL;
}
