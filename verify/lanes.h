/* Several SHA-256 computations side by side. One stream leaves most of a processor idle, because each round
 * waits for the one before; independent messages fill the gaps. This is the bookkeeping: each lane has one
 * message cut into runs of whole 64-byte blocks (inside a piece: the caller's own bytes; across pieces and at
 * the end: a copy in the lane, with the padding of FIPS 180-4 section 5.1.1), and takes the next message when
 * its own is done. The rounds themselves are a kernel's (verify/shani.h, verify/shavx2.h). No allocation. */
#ifndef CTVIGIL_LANES_H
#define CTVIGIL_LANES_H

#include "verify/digest.h"

#define LANES_MAX 8

struct lanes_lane {
    uint32_t state[8]; /* a to h of FIPS 180-4 */
    const uint8_t *at; /* the run: `blocks` whole blocks from here */
    size_t blocks;
    const struct span *piece; /* what is left of the message */
    const struct span *piece_end;
    size_t used; /* of *piece */
    uint64_t length;
    bool padded; /* the last run is under way */
    uint8_t *out;
    uint8_t stage[128];
};

/* The round constants of FIPS 180-4 section 4.2.2. */
extern const uint32_t lanes_k[64];

struct lanes_kernel {
    size_t width; /* lanes at once, at most LANES_MAX */
    size_t least; /* fewer messages than this are not worth it */
    /* Takes `blocks` > 0 blocks into each of `count` lanes (1 to width): state and `at` move on, nothing else
     * is touched. */
    void (*run)(struct lanes_lane *const lane[], size_t count, size_t blocks);
};

/* Hashes all jobs. */
void lanes_hash(const struct lanes_kernel *kernel, const struct digest_job *job, size_t count);

#endif
