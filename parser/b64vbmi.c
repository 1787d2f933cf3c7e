#include "parser/b64vbmi.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* A byte to its value: the table is as long as ASCII. What is no digit has the highest bit set, as all bytes
 * behind ASCII have by themselves. */
#define DIGIT(c)                                                                                             \
    ((uint8_t)((c) >= 'A' && (c) <= 'Z'   ? (c) - 'A'                                                        \
               : (c) >= 'a' && (c) <= 'z' ? (c) - 'a' + 26                                                   \
               : (c) >= '0' && (c) <= '9' ? (c) - '0' + 52                                                   \
               : (c) == '+'               ? 62                                                               \
               : (c) == '/'               ? 63                                                               \
                                          : 0x80))
#define ROW4(c)  DIGIT(c), DIGIT((c) + 1), DIGIT((c) + 2), DIGIT((c) + 3)
#define ROW16(c) ROW4(c), ROW4((c) + 4), ROW4((c) + 8), ROW4((c) + 12)
#define ROW64(c) ROW16(c), ROW16((c) + 16), ROW16((c) + 32), ROW16((c) + 48)

static const uint8_t value_of[128] = {ROW64(0), ROW64(64)};

/* Three bytes of four lie in each word with the first on top; 48 bytes together, and 16 that are nothing. */
#define THREE(word)  (word) + 2, (word) + 1, (word)
#define TWELVE(word) THREE(word), THREE((word) + 4), THREE((word) + 8), THREE((word) + 12)

static const uint8_t order_of[64] = {TWELVE(0), TWELVE(16), TWELVE(32), TWELVE(48)};

__attribute__((target("avx512bw,avx512vbmi"))) uint8_t *b64vbmi_run(const uint8_t **in, const uint8_t *end,
                                                                    uint8_t *out)
{
    const __m512i low = _mm512_loadu_si512(value_of);
    const __m512i high = _mm512_loadu_si512(value_of + 64);
    const __m512i order = _mm512_loadu_si512(order_of);
    const uint8_t *at = *in;

    for (; end - at >= B64VBMI_DIGITS; at += 64, out += 48) {
        __m512i digits = _mm512_loadu_si512(at);
        __m512i values = _mm512_permutex2var_epi8(low, digits, high);
        __mmask64 bad = _mm512_movepi8_mask(_mm512_or_si512(values, digits));
        __m512i twelve = _mm512_maddubs_epi16(values, _mm512_set1_epi16(0x0140));
        __m512i all = _mm512_madd_epi16(twelve, _mm512_set1_epi32(0x00011000));
        _mm512_storeu_si512(out, _mm512_permutexvar_epi8(order, all));
        if (bad != 0) {
            size_t groups = (size_t)__builtin_ctzll(bad) / 4;
            at += groups * 4;
            out += groups * 3;
            break;
        }
    }
    *in = at;
    return out;
}

#else

uint8_t *b64vbmi_run(const uint8_t **in, const uint8_t *end, uint8_t *out)
{
    (void)in;
    (void)end;
    return out;
}

#endif
