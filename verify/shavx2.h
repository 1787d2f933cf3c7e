/* Eight SHA-256 computations in the lanes of AVX2 registers, for x86 processors without the SHA extensions.
 * NULL on other machines; to be used only when cpu_has(CPU_AVX2). */
#ifndef CTVIGIL_SHAVX2_H
#define CTVIGIL_SHAVX2_H

#include "verify/lanes.h"

const struct lanes_kernel *shavx2_kernel(void);

#endif
