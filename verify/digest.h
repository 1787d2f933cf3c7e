/* SHA-256 (FIPS 180-4). One message: libcrypto, with the algorithm fetched once and one context per thread,
 * which is the fast portable way (performance.md 4). Many messages at once: as many side by side as the
 * processor likes, which takes half of the time. All ways
 * give the same bytes. */
#ifndef CTVIGIL_DIGEST_H
#define CTVIGIL_DIGEST_H

#include "base/span.h"

void digest_sha256(struct span bytes, uint8_t out[32]);
/* Of the concatenation of `count` pieces. */
void digest_sha256_pieces(const struct span *piece, size_t count, uint8_t out[32]);

/* One message of many: the concatenation of `count` pieces, so that a prefix costs no copy. The pieces and
 * their bytes must stay until it is hashed; `out` has 32 bytes and overlaps neither pieces nor bytes of any
 * job of the same call. */
struct digest_job {
    const struct span *piece;
    size_t count;
    uint8_t *out;
};

void digest_many(const struct digest_job *job, size_t count);

/* Ways to do it, the better ones last; digest_many takes the last one that base/cpu.h allows. */
enum digest_way {
    DIGEST_PORTABLE, /* libcrypto, one after the other */
    DIGEST_AVX2,     /* eight at once */
    DIGEST_SHANI,    /* three at once with the SHA extensions of x86 */
    DIGEST_WAYS
};

/* "portable", "avx2", "shani": the words of CTVIGIL_CPU. */
const char *digest_way_name(enum digest_way way);
enum digest_way digest_way_best(void);
/* For tests and benchmarks: can this way run here (whatever CTVIGIL_CPU says), and digest_many by it. */
bool digest_way_found(enum digest_way way);
void digest_many_by(enum digest_way way, const struct digest_job *job, size_t count);

#endif
