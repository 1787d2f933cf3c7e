#include "verify/shavx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2      __attribute__((target("avx2")))
#define AVX2_PART static inline __attribute__((always_inline, target("avx2")))
#define WIDTH     8
/* The places of words and state are constants only in an unrolled loop. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Eight words of one lane each become eight registers of one word each, and back. */
AVX2_PART void transpose(__m256i row[8])
{
    __m256i pair[8];
    __m256i quad[8];

    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_epi32(row[i], row[i + 1]);
        pair[i + 1] = _mm256_unpackhi_epi32(row[i], row[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        quad[i] = _mm256_unpacklo_epi64(pair[i], pair[i + 2]);
        quad[i + 1] = _mm256_unpackhi_epi64(pair[i], pair[i + 2]);
        quad[i + 2] = _mm256_unpacklo_epi64(pair[i + 1], pair[i + 3]);
        quad[i + 3] = _mm256_unpackhi_epi64(pair[i + 1], pair[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        row[i] = _mm256_permute2x128_si256(quad[i], quad[i + 4], 0x20);
        row[i + 4] = _mm256_permute2x128_si256(quad[i], quad[i + 4], 0x31);
    }
}

AVX2_PART __m256i add(__m256i x, __m256i y)
{
    return _mm256_add_epi32(x, y);
}

AVX2_PART __m256i xor3(__m256i x, __m256i y, __m256i z)
{
    return _mm256_xor_si256(_mm256_xor_si256(x, y), z);
}

AVX2_PART __m256i right(__m256i x, int by)
{
    return _mm256_srli_epi32(x, by);
}

AVX2_PART __m256i rotate(__m256i x, int by)
{
    return _mm256_or_si256(_mm256_srli_epi32(x, by), _mm256_slli_epi32(x, 32 - by));
}

/* The functions of FIPS 180-4 section 4.1.2. */
AVX2_PART __m256i choose(__m256i e, __m256i f, __m256i g)
{
    return _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)));
}

AVX2_PART __m256i majority(__m256i a, __m256i b, __m256i c)
{
    return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)));
}

AVX2_PART __m256i schedule(const __m256i word[16], int t)
{
    __m256i w15 = word[(t + 1) & 15];
    __m256i w2 = word[(t + 14) & 15];
    __m256i low = xor3(rotate(w15, 7), rotate(w15, 18), right(w15, 3));
    __m256i high = xor3(rotate(w2, 17), rotate(w2, 19), right(w2, 10));
    return add(add(word[t & 15], low), add(word[(t + 9) & 15], high));
}

/* One round; the caller turns the names of the state words instead of moving them. */
AVX2_PART void one_round(__m256i s[8], int t, __m256i w, uint32_t constant)
{
    const int a = (16 - t) & 7;
    __m256i sa = s[a];
    __m256i se = s[(a + 4) & 7];
    __m256i k = _mm256_set1_epi32((int)constant);
    __m256i t1 = add(add(s[(a + 7) & 7], xor3(rotate(se, 6), rotate(se, 11), rotate(se, 25))),
                     add(choose(se, s[(a + 5) & 7], s[(a + 6) & 7]), add(k, w)));
    __m256i t2 = add(xor3(rotate(sa, 2), rotate(sa, 13), rotate(sa, 22)),
                     majority(sa, s[(a + 1) & 7], s[(a + 2) & 7]));
    s[(a + 3) & 7] = add(s[(a + 3) & 7], t1);
    s[(a + 7) & 7] = add(t1, t2);
}

AVX2_PART void sixteen_rounds(__m256i state[8], __m256i word[16], int first)
{
    UNROLL for (int t = 0; t < 16; t++)
    {
        if (first != 0)
            word[t] = schedule(word, t);
        one_round(state, t, word[t], lanes_k[first + t]);
    }
}

AVX2_PART void words_load(__m256i word[16], const uint8_t *const at[WIDTH])
{
    const __m256i order = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));

    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < WIDTH; i++) {
            const void *from = at[i] + 32 * half;
            word[8 * half + i] = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *)from), order);
        }
        transpose(word + 8 * half);
    }
}

AVX2 static void run(struct lanes_lane *const lane[], size_t count, size_t blocks)
{
    const uint8_t *at[WIDTH];
    __m256i state[8];
    __m256i word[16];

    must(count >= 1 && count <= WIDTH);
    /* Idle lanes repeat the first one; what they make is thrown away. */
    for (size_t i = 0; i < WIDTH; i++) {
        const struct lanes_lane *from = lane[i < count ? i : 0];
        at[i] = from->at;
        state[i] = _mm256_loadu_si256((const __m256i *)(const void *)from->state);
    }
    transpose(state);
    for (; blocks > 0; blocks--) {
        __m256i old[8];
        memcpy(old, state, sizeof old);
        words_load(word, at);
        for (int first = 0; first < 64; first += 16)
            sixteen_rounds(state, word, first);
        for (int i = 0; i < 8; i++) {
            state[i] = add(state[i], old[i]);
            at[i] += 64;
        }
    }
    transpose(state);
    for (size_t i = 0; i < count; i++) {
        _mm256_storeu_si256((__m256i *)(void *)lane[i]->state, state[i]);
        lane[i]->at = at[i];
    }
}

const struct lanes_kernel *shavx2_kernel(void)
{
    static const struct lanes_kernel kernel = {WIDTH, 3, run};
    return &kernel;
}

#else

const struct lanes_kernel *shavx2_kernel(void)
{
    return NULL;
}

#endif
