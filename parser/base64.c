#include "parser/base64.h"

#include <endian.h>

#include "base/cpu.h"
#include "parser/b64avx2.h"
#include "parser/b64vbmi.h"

/* Four tables, one for each place in a group: the digit's bits where they stand in the little-endian word of
 * the three bytes. A byte that is no digit has BAD set, which no digit sets, so one test covers a whole
 * round. */
#define BAD UINT32_C(0x80000000)

#define DIGIT(c)                                                                                             \
    ((c) >= 'A' && (c) <= 'Z'   ? (c) - 'A'                                                                  \
     : (c) >= 'a' && (c) <= 'z' ? (c) - 'a' + 26                                                             \
     : (c) >= '0' && (c) <= '9' ? (c) - '0' + 52                                                             \
     : (c) == '+'               ? 62                                                                         \
     : (c) == '/'               ? 63                                                                         \
                                : -1)
#define PLACE(c, value) (DIGIT(c) < 0 ? BAD : (value))
#define D(c)            ((uint32_t)DIGIT(c))
#define FIRST(c)        PLACE(c, D(c) << 2)
#define SECOND(c)       PLACE(c, D(c) >> 4 | (D(c) & 15u) << 12)
#define THIRD(c)        PLACE(c, (D(c) >> 2) << 8 | (D(c) & 3u) << 22)
#define FOURTH(c)       PLACE(c, D(c) << 16)

#define ROW4(f, c)  f(c), f((c) + 1), f((c) + 2), f((c) + 3)
#define ROW16(f, c) ROW4(f, c), ROW4(f, (c) + 4), ROW4(f, (c) + 8), ROW4(f, (c) + 12)
#define ROW64(f, c) ROW16(f, c), ROW16(f, (c) + 16), ROW16(f, (c) + 32), ROW16(f, (c) + 48)
#define ROW256(f)   ROW64(f, 0), ROW64(f, 64), ROW64(f, 128), ROW64(f, 192)

static const uint32_t first[256] = {ROW256(FIRST)};
static const uint32_t second[256] = {ROW256(SECOND)};
static const uint32_t third[256] = {ROW256(THIRD)};
static const uint32_t fourth[256] = {ROW256(FOURTH)};

static inline uint32_t group(const uint8_t *in)
{
    return first[in[0]] | second[in[1]] | third[in[2]] | fourth[in[3]];
}

static inline void store(uint8_t *out, uint64_t word)
{
    uint64_t little = htole64(word);
    memcpy(out, &little, sizeof little);
}

static uint8_t *run_portable(const uint8_t **in, const uint8_t *end, uint8_t *out)
{
    const uint8_t *at = *in;

    while (end - at >= 16) {
        uint32_t a = group(at);
        uint32_t b = group(at + 4);
        uint32_t c = group(at + 8);
        uint32_t d = group(at + 12);
        if (((a | b | c | d) & BAD) != 0)
            break;
        store(out, a | (uint64_t)b << 24);
        store(out + 6, c | (uint64_t)d << 24);
        at += 16;
        out += 12;
    }
    while (end - at >= 4) {
        uint32_t a = group(at);
        if ((a & BAD) != 0)
            break;
        out[0] = (uint8_t)a;
        out[1] = (uint8_t)(a >> 8);
        out[2] = (uint8_t)(a >> 16);
        at += 4;
        out += 3;
    }
    *in = at;
    return out;
}

/* The wide ways stop at a byte that is no digit, or where too little is left for them. */
static uint8_t *run_avx2(const uint8_t **in, const uint8_t *end, uint8_t *out)
{
    out = b64avx2_run(in, end, out);
    return end - *in < B64AVX2_DIGITS ? run_portable(in, end, out) : out;
}

static uint8_t *run_vbmi(const uint8_t **in, const uint8_t *end, uint8_t *out)
{
    out = b64vbmi_run(in, end, out);
    return end - *in < B64VBMI_DIGITS ? run_portable(in, end, out) : out;
}

/* One row per way, as good as any that stands above it or better. */
static const struct {
    const char *name;
    unsigned needs; /* enum cpu_feature */
    base64_runner *run;
} ways[BASE64_WAYS] = {
    [BASE64_PORTABLE] = {"portable", 0, run_portable},
    [BASE64_AVX2] = {"avx2", CPU_AVX2, run_avx2},
    [BASE64_VBMI] = {"vbmi", CPU_VBMI, run_vbmi},
};

base64_runner *base64_way_runner(enum base64_way way)
{
    must((unsigned)way < BASE64_WAYS);
    return ways[way].run;
}

const char *base64_way_name(enum base64_way way)
{
    must((unsigned)way < BASE64_WAYS);
    return ways[way].name;
}

bool base64_way_found(enum base64_way way)
{
    must((unsigned)way < BASE64_WAYS);
    return (ways[way].needs & ~cpu_found()) == 0;
}

enum base64_way base64_way_best(void)
{
    for (unsigned way = BASE64_WAYS; --way > BASE64_PORTABLE;)
        if (cpu_has((enum cpu_feature)ways[way].needs))
            return (enum base64_way)way;
    return BASE64_PORTABLE;
}

uint8_t *base64_decode_run(const uint8_t **in, const uint8_t *end, uint8_t *out)
{
    return ways[base64_way_best()].run(in, end, out);
}

size_t base64_decode_group(const uint8_t in[4], uint8_t out[3])
{
    size_t pad = in[3] != '=' ? 0 : in[2] != '=' ? 1 : 2;
    uint32_t word =
        first[in[0]] | second[in[1]] | (pad == 2 ? 0 : third[in[2]]) | (pad != 0 ? 0 : fourth[in[3]]);

    out[0] = (uint8_t)word;
    out[1] = (uint8_t)(word >> 8);
    out[2] = (uint8_t)(word >> 16);
    return (word & BAD) != 0 ? 0 : 3 - pad;
}

int base64_digit(uint8_t c)
{
    return DIGIT(c);
}
