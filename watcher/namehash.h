/* Keyed 64-bit hashes of all that stands right of a dot in a name, each in a few steps that depend on no
 * other and on no branch: for tables of names that come from outside. They find candidates; the bytes decide.
 *
 * The hash of some bytes is one of their number and of the last 32 of them as four words, zeros in front; of
 * longer ones what stands before goes in through a chain. A name is loaded into such words once, and a suffix
 * is the same words under a mask. */
#ifndef CTVIGIL_NAMEHASH_H
#define CTVIGIL_NAMEHASH_H

#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "base/span.h"

#define NAMEHASH_TAIL 32

struct namehash_key {
    uint64_t word[4]; /* random */
};

/* Spans are borrowed. */
struct namehash {
    uint64_t tail[4]; /* the last 32 bytes, the last one on top */
    uint32_t dots;    /* bit 31: the last byte is a dot */
    struct span name;
};

/* By length, for words as in `tail`. */
extern const uint64_t namehash_mask[NAMEHASH_TAIL + 1][4];

/* Folded 64x64 multiplication: every input bit reaches every output bit. */
static inline uint64_t namehash_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t namehash_load(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Up to seven bytes, in front of nothing. */
static inline uint64_t namehash_load_few(const uint8_t *at, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)at[i] << (8 * (8 - len + i));
    return word;
}

/* A bit for each byte of the words that is a dot. */
static inline uint32_t namehash_dots(const uint64_t tail[4])
{
#ifdef __SSE2__
    const __m128i dot = _mm_set1_epi8('.');
    __m128i low = _mm_set_epi64x((long long)tail[1], (long long)tail[0]);
    __m128i high = _mm_set_epi64x((long long)tail[3], (long long)tail[2]);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, dot)) |
           (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, dot)) << 16;
#else
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint32_t dots = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t word = tail[i] ^ UINT64_C(0x2e2e2e2e2e2e2e2e);
        word = ~(((word & low) + low) | word | low) >> 7;
        dots |= (uint32_t)(word * UINT64_C(0x0102040810204080) >> 56) << 8 * i;
    }
    return dots;
#endif
}

/* The eight bytes that end `before` bytes before the end of at least eight; zeros where there are none. No
 * branch: lengths are as names are, nobody guesses them. */
static inline uint64_t namehash_word(struct span name, size_t before)
{
    size_t missing = name.len < before + 8 ? before + 8 - name.len : 0;
    size_t from = missing != 0 ? 0 : name.len - before - 8;
    unsigned half = 4 * (unsigned)(missing < 8 ? missing : 8);
    return namehash_load(name.at + from) << half << half;
}

static inline void namehash_tail(uint64_t tail[4], struct span name)
{
    if (__builtin_expect(name.len < 8, 0)) {
        tail[0] = 0;
        tail[1] = 0;
        tail[2] = 0;
        tail[3] = namehash_load_few(name.at, name.len);
        return;
    }
    tail[0] = namehash_word(name, 24);
    tail[1] = namehash_word(name, 16);
    tail[2] = namehash_word(name, 8);
    tail[3] = namehash_load(name.at + name.len - 8);
}

static inline struct namehash namehash_of(struct span name)
{
    struct namehash hash;
    hash.name = name;
    namehash_tail(hash.tail, name);
    hash.dots = namehash_dots(hash.tail);
    return hash;
}

/* What stands before the last 32 bytes; 0: nothing does. */
uint64_t namehash_front(const struct namehash_key *key, struct span front);

/* The last `len` bytes of the name, at most NAMEHASH_TAIL. */
static inline uint64_t namehash_short(const struct namehash_key *key, const struct namehash *hash, size_t len)
{
    const uint64_t *mask = namehash_mask[len];
    uint64_t high =
        namehash_fold((hash->tail[2] & mask[2]) ^ key->word[2] ^ len * UINT64_C(0x9e3779b97f4a7c15),
                      (hash->tail[3] & mask[3]) ^ key->word[3]);
    uint64_t low =
        namehash_fold((hash->tail[0] & mask[0]) ^ key->word[0], (hash->tail[1] & mask[1]) ^ key->word[1]);
    return high ^ low;
}

/* Any number of them. */
static inline uint64_t namehash_suffix(const struct namehash_key *key, const struct namehash *hash,
                                       size_t len)
{
    if (len <= NAMEHASH_TAIL)
        return namehash_short(key, hash, len);
    uint64_t front =
        len * UINT64_C(0x9e3779b97f4a7c15) ^
        namehash_front(key, (struct span){hash->name.at + hash->name.len - len, len - NAMEHASH_TAIL});
    return namehash_fold(hash->tail[2] ^ key->word[2] ^ front, hash->tail[3] ^ key->word[3]) ^
           namehash_fold(hash->tail[0] ^ key->word[0], hash->tail[1] ^ key->word[1]);
}

/* Of any bytes; the same as of a suffix that is equal. */
static inline uint64_t namehash_bytes(const struct namehash_key *key, struct span bytes)
{
    struct namehash hash;
    hash.name = bytes;
    namehash_tail(hash.tail, bytes);
    return namehash_suffix(key, &hash, bytes.len);
}

#endif
