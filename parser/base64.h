/* Base64 (RFC 4648 section 4) at speed, for the hot path: decodes until it meets a byte that is no base64
 * digit and says where, so that finding the end of a JSON string and decoding it are one pass. Portable C,
 * and AVX2 where the processor has it. */
#ifndef CTVIGIL_BASE64_H
#define CTVIGIL_BASE64_H

#include "base/span.h"

/* Bytes behind the decoded ones that may be overwritten: the decoder stores whole words. */
#define BASE64_SLOP 8

/* Decodes whole groups of four digits from [*in, end) into `out`, which has room for 3/4 of the input and
 * BASE64_SLOP more. Moves *in to the first group that has another byte in it or is not whole, and returns the
 * end of the output. */
uint8_t *base64_decode_run(const uint8_t **in, const uint8_t *end, uint8_t *out);

/* The same in portable C only: the twin that tests compare with. */
uint8_t *base64_decode_plain(const uint8_t **in, const uint8_t *end, uint8_t *out);

/* The value of one digit, or -1. */
int base64_digit(uint8_t c);

#endif
