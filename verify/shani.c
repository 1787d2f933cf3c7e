#include "verify/shani.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define SHANI      __attribute__((target("sha,avx")))
#define SHANI_PART static inline __attribute__((always_inline, target("sha,avx")))
#define WIDTH      3 /* a fourth would have its words outside of the 16 registers: measured slower */
/* All loops have constant bounds once the width is known; they must vanish, or the registers do not suffice.
 */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* The instructions want the state as (a, b, e, f) and (c, d, g, h), from the highest word down. */
struct state {
    __m128i abef;
    __m128i cdgh;
};

SHANI_PART struct state state_load(const uint32_t words[8])
{
    __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)words);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(words + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
    __m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    struct state state = {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
    return state;
}

SHANI_PART void state_store(uint32_t words[8], struct state state)
{
    __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)words, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* One block of each lane: 16 steps of four rounds; what the schedule (FIPS 180-4 section 6.2.2) needs next is
 * made beside the rounds. */
SHANI_PART void block(struct state *state, const uint8_t *const *at, int lanes)
{
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    struct state old[WIDTH];
    __m128i word[WIDTH][4];

    UNROLL for (int i = 0; i < lanes; i++)
    {
        old[i] = state[i];
        UNROLL for (int k = 0; k < 4; k++) word[i][k] =
            _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(at[i] + 16 * k)), order);
    }
    UNROLL for (int step = 0; step < 16; step++)
    {
        const __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(lanes_k + 4 * step));
        UNROLL for (int i = 0; i < lanes; i++)
        {
            __m128i *now = &word[i][step & 3];
            __m128i sum = _mm_add_epi32(*now, k);
            state[i].cdgh = _mm_sha256rnds2_epu32(state[i].cdgh, state[i].abef, sum);
            state[i].abef = _mm_sha256rnds2_epu32(state[i].abef, state[i].cdgh, _mm_shuffle_epi32(sum, 0x0e));
            if (step >= 12)
                continue;
            __m128i last = word[i][(step + 3) & 3];
            __m128i seven = _mm_alignr_epi8(last, word[i][(step + 2) & 3], 4);
            __m128i first = _mm_sha256msg1_epu32(*now, word[i][(step + 1) & 3]);
            *now = _mm_sha256msg2_epu32(_mm_add_epi32(first, seven), last);
        }
    }
    UNROLL for (int i = 0; i < lanes; i++)
    {
        state[i].abef = _mm_add_epi32(state[i].abef, old[i].abef);
        state[i].cdgh = _mm_add_epi32(state[i].cdgh, old[i].cdgh);
    }
}

SHANI_PART void run_lanes(struct lanes_lane *const lane[], size_t blocks, int lanes)
{
    struct state state[WIDTH];
    const uint8_t *at[WIDTH];

    UNROLL for (int i = 0; i < lanes; i++)
    {
        state[i] = state_load(lane[i]->state);
        at[i] = lane[i]->at;
    }
    for (; blocks > 0; blocks--) {
        block(state, at, lanes);
        UNROLL for (int i = 0; i < lanes; i++) at[i] += 64;
    }
    UNROLL for (int i = 0; i < lanes; i++)
    {
        state_store(lane[i]->state, state[i]);
        lane[i]->at = at[i];
    }
}

SHANI static void run(struct lanes_lane *const lane[], size_t count, size_t blocks)
{
    switch (count) {
    case 1:
        run_lanes(lane, blocks, 1);
        break;
    case 2:
        run_lanes(lane, blocks, 2);
        break;
    default:
        must(count == WIDTH);
        run_lanes(lane, blocks, WIDTH);
    }
}

const struct lanes_kernel *shani_kernel(void)
{
    static const struct lanes_kernel kernel = {WIDTH, 1, run};
    return &kernel;
}

#else

const struct lanes_kernel *shani_kernel(void)
{
    return NULL;
}

#endif
