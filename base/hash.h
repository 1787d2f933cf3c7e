/* A keyed 64-bit hash (SipHash-1-3) for tables whose keys come from outside. The key is random per process,
 * so an attacker cannot choose collisions; the value never leaves the process. Identity is always decided by
 * the bytes. */
#ifndef CTVIGIL_HASH_H
#define CTVIGIL_HASH_H

#include "base/span.h"

uint64_t hash_keyed(struct span bytes);
/* For tests: the reference function with an explicit key (c rounds 1, d rounds 3). */
uint64_t hash_siphash13(struct span bytes, uint64_t k0, uint64_t k1);
/* Fills `out` from the operating system's random source; aborts when there is none. */
void hash_random(void *out, size_t size);

#endif
