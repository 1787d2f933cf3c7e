/* SHA-256 with the algorithm fetched once and one context per thread: the fast portable way (performance.md
 * 4). */
#ifndef CTVIGIL_DIGEST_H
#define CTVIGIL_DIGEST_H

#include "base/span.h"

void digest_sha256(struct span bytes, uint8_t out[32]);
/* Of the concatenation of `count` pieces. */
void digest_sha256_pieces(const struct span *pieces, size_t count, uint8_t out[32]);

#endif
