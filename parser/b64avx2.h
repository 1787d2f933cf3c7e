/* The bulk of base64 with AVX2, for parser/base64.c, which calls it where it can. */
#ifndef CTVIGIL_B64AVX2_H
#define CTVIGIL_B64AVX2_H

#include "base/span.h"

#define B64AVX2_DIGITS 64 /* a round */

/* Decodes whole groups up to the first that has a byte which is no digit, as long as a whole round is left
 * before `end`; moves *in behind them and returns the end of the output, behind which up to 52 bytes are
 * overwritten, but no more than 4 behind what [*in, end) could give. Only where base/cpu.h says CPU_AVX2. */
uint8_t *b64avx2_run(const uint8_t **in, const uint8_t *end, uint8_t *out);

#endif
