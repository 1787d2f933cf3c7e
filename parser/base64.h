/* Base64 (RFC 4648 section 4) at speed, for the hot path: decodes until it meets a byte that is no base64
 * digit and says where, so that finding the end of a JSON string and decoding it are one pass. Portable C,
 * AVX2, and AVX-512 VBMI where the processor has it; all ways stop in the same place with the same bytes.
 * Nothing is read outside of [*in, end). What it does not do: white space, escapes (parser/getentries.c). */
#ifndef CTVIGIL_BASE64_H
#define CTVIGIL_BASE64_H

#include "base/span.h"

/* Bytes behind the decoded ones that may be overwritten: the decoder stores whole registers. */
#define BASE64_SLOP 16

/* Decodes whole groups of four digits from [*in, end) into `out`, which has room for 3/4 of the input and
 * BASE64_SLOP more. Moves *in to the first group that has another byte in it or is not whole, and returns the
 * end of the output. */
uint8_t *base64_decode_run(const uint8_t **in, const uint8_t *end, uint8_t *out);

/* One group, also the last one of a padded text, "xx==" or "xxx=": stores three bytes and returns how many of
 * them count (1 to 3), 0 when it is no group. The spare bits in front of the padding are ignored, as every
 * decoder that logs use does. Without a branch that depends on the padding, which no predictor knows. */
size_t base64_decode_group(const uint8_t in[4], uint8_t out[3]);

/* The value of one digit, or -1. */
int base64_digit(uint8_t c);

/* Ways to do it, the better ones last; base64_decode_run takes the last one that base/cpu.h allows. */
enum base64_way {
    BASE64_PORTABLE,
    BASE64_AVX2, /* 64 digits a round */
    BASE64_VBMI, /* 64 digits in one register */
    BASE64_WAYS
};

/* base64_decode_run by one way, for who decodes a lot and asks once. */
typedef uint8_t *base64_runner(const uint8_t **in, const uint8_t *end, uint8_t *out);
base64_runner *base64_way_runner(enum base64_way way);

/* "portable", "avx2", "vbmi": the words of CTVIGIL_CPU. */
const char *base64_way_name(enum base64_way way);
enum base64_way base64_way_best(void);
/* For tests and benchmarks: can this way run here (whatever CTVIGIL_CPU says)? */
bool base64_way_found(enum base64_way way);

#endif
