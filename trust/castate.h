/* What of the trust data counts for the certificates of one CA, in 32 bytes: as long as they stay the same no
 * certificate of it needs to be judged again. */
#ifndef CTVIGIL_CASTATE_H
#define CTVIGIL_CASTATE_H

#include "trust/cagraph.h"

/* `subject` and `key` as struct cagraph_ca. Paths by their conditions and by the hashes that rules hang on,
 * not by their place in the snapshot. */
void castate_of(const struct cagraph *graph, const uint8_t subject[32], const uint8_t key[32],
                uint8_t out[32]);

#endif
