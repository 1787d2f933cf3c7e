#include "parser/b64avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2      __attribute__((target("avx2")))
#define AVX2_PART static inline __attribute__((always_inline, target("avx2")))

/* The same 16 bytes for both halves of a register, the first byte first. */
#define BOTH(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))

/* A byte is split into high and low half; each half says by bits which partners it can not have, and the byte
 * is a digit when the two have no bit in common. Bit 0: row 2 ('+' and '/'), 1: row 3 ('0' to '9'), 2: rows 4
 * and 6 (letters from the second on), 3: rows 5 and 7 (letters up to the eleventh), 4: all other rows. */
AVX2_PART __m256i foreign(__m256i high, __m256i low)
{
    const __m256i of_high = BOTH(16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16);
    const __m256i of_low =
        BOTH(16 | 4 | 1, 16 | 1, 16 | 1, 16 | 1, 16 | 1, 16 | 1, 16 | 1, 16 | 1, 16 | 1, 16 | 1, 16 | 2 | 1,
             16 | 8 | 2, 16 | 8 | 2 | 1, 16 | 8 | 2 | 1, 16 | 8 | 2 | 1, 16 | 8 | 2);

    return _mm256_and_si256(_mm256_shuffle_epi8(of_high, high), _mm256_shuffle_epi8(of_low, low));
}

/* Digits to their values: what is to be added depends on the row alone, but '/' stands in the row of '+'. */
AVX2_PART __m256i values(__m256i digits, __m256i high)
{
    const __m256i add = BOTH(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
    __m256i slash = _mm256_cmpeq_epi8(digits, _mm256_set1_epi8('/'));

    return _mm256_add_epi8(digits, _mm256_shuffle_epi8(add, _mm256_add_epi8(high, slash)));
}

/* Four values of 6 bits to three bytes, and these together: 12 bytes at the begin of each half. */
AVX2_PART __m256i pack(__m256i value)
{
    const __m256i order = BOTH(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    __m256i twelve = _mm256_maddubs_epi16(value, _mm256_set1_epi16(0x0140));
    __m256i all = _mm256_madd_epi16(twelve, _mm256_set1_epi32(0x00011000));

    return _mm256_shuffle_epi8(all, order);
}

/* The 24 bytes of 32 digits, and 4 that are nothing; not zero where a digit is none. */
AVX2_PART __m256i round32(const uint8_t *at, uint8_t *out)
{
    const __m256i half = _mm256_set1_epi8(0x0f);
    __m256i digits = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i high = _mm256_and_si256(_mm256_srli_epi32(digits, 4), half);
    __m256i bytes = pack(values(digits, high));

    _mm_storeu_si128((__m128i *)(void *)out, _mm256_castsi256_si128(bytes));
    _mm_storeu_si128((__m128i *)(void *)(out + 12), _mm256_extracti128_si256(bytes, 1));
    return foreign(high, _mm256_and_si256(digits, half));
}

AVX2_PART uint32_t bits(__m256i bad)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(bad, _mm256_setzero_si256()));
}

AVX2 uint8_t *b64avx2_run(const uint8_t **in, const uint8_t *end, uint8_t *out)
{
    const uint8_t *at = *in;

    for (; end - at >= B64AVX2_DIGITS; at += 64, out += 48) {
        __m256i a = round32(at, out);
        __m256i b = round32(at + 32, out + 24);
        __m256i bad = _mm256_or_si256(a, b);
        if (!_mm256_testz_si256(bad, bad)) {
            size_t groups = (size_t)__builtin_ctzll(bits(a) | (uint64_t)bits(b) << 32) / 4;
            at += groups * 4;
            out += groups * 3;
            break;
        }
    }
    *in = at;
    return out;
}

#else

uint8_t *b64avx2_run(const uint8_t **in, const uint8_t *end, uint8_t *out)
{
    (void)in;
    (void)end;
    return out;
}

#endif
