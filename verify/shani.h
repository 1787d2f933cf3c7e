/* Three SHA-256 computations interleaved with the SHA extensions of x86. NULL on other machines; to be used
 * only when cpu_has(CPU_SHANI). */
#ifndef CTVIGIL_SHANI_H
#define CTVIGIL_SHANI_H

#include "verify/lanes.h"

const struct lanes_kernel *shani_kernel(void);

#endif
