/* Many names of certificates at once against a table of watched ones: all hashes first, then the words of the
 * sieve for all of them, which are under way together, then what is left of them. It finds candidates; the
 * bytes in the table decide. */
#ifndef CTVIGIL_NAMESIFT_H
#define CTVIGIL_NAMESIFT_H

#include "watcher/namehash.h"
#include "watcher/sieve.h"

#define NAMESIFT_LINE 64

enum namesift_use {
    NAMESIFT_NAME,   /* a whole name, or what stands right of a dot in it */
    NAMESIFT_PARENT, /* what stands right of "*." */
};

struct namesift {
    struct namehash_key secret;
    struct sieve sieve; /* of namesift_use hashes */
    size_t shortest;    /* of the watched names: what is shorter needs no look */
    /* By use: a power of two of cache lines, where the last bits of a hash say which one will be read. */
    const uint8_t *lines[2];
    size_t line_mask;
};

/* What is probably in the table. */
struct namesift_key {
    uint64_t hash; /* namesift_use was applied */
    uint32_t name; /* which of the list */
    uint32_t len;  /* so many bytes at its end */
    bool parent;
};

/* Keeps the kinds of keys of one table apart: "com" is only looked up as a parent when a wildcard stands in
 * front of it. */
static inline uint64_t namesift_use(const struct namesift *by, uint64_t hash, unsigned use)
{
    return use == NAMESIFT_NAME
               ? hash
               : namehash_fold(hash ^ by->secret.word[1], UINT64_C(0x9e3779b97f4a7c15) + 2 * (uint64_t)use);
}

/* For each name: itself and what stands right of each dot in it, from `shortest` bytes on, and for a wildcard
 * its parent; those of them that the sieve lets through, in the order of the names, their lines on the way
 * into the cache. False: there are more than `room`, the rest was dropped. */
MUST_USE bool namesift_keys(const struct namesift *by, const struct span *names, size_t count,
                            struct namesift_key *keys, size_t room, size_t *key_count);

#endif
