/* The bulk of base64 with AVX2, for base64_decode_run (parser/base64.h), which calls it where it can. */
#ifndef CTVIGIL_B64AVX2_H
#define CTVIGIL_B64AVX2_H

#include "base/span.h"

/* Is it built in? To be called only then, and only when the processor has AVX2 (base/cpu.h). */
bool b64avx2_built(void);
/* Decodes as many times 32 digits as there are before `end` and before the first byte that is no digit; moves
 * *in behind them and returns the end of the output, behind which up to 4 bytes are overwritten. */
uint8_t *b64avx2_run(const uint8_t **in, const uint8_t *end, uint8_t *out);

#endif
