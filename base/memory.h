/* How much memory this machine lets the program have. */
#ifndef CTVIGIL_MEMORY_H
#define CTVIGIL_MEMORY_H

#include "base/base.h"

/* Bytes of the machine's memory, or the least limit that a control group (version 1 or 2) sets above this
 * process, as containers and services have them, that it has itself (RLIMIT_AS), or what a system without
 * overcommitment has not promised yet. 0 when the system does not say. Otherwise what others use of it is not
 * taken off. */
uint64_t memory_bytes(void);

/* For tests: the least of these limits on a system whose files begin at `root` ("" is this one);
 * UINT64_MAX when there is none. */
uint64_t memory_limit(const char *root);

#endif
