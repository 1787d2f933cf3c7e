/* What the processor can do beyond portable C, found out once while running, so that one binary serves all
 * machines. Code for a feature stands in a file of its own, compiled with target attributes, and has a
 * portable twin that gives the same bytes.
 * The environment variable CTVIGIL_CPU takes features away, for tests and to rule a machine out as a cause:
 * "portable" leaves none, a list such as "shani,avx2" (and "vbmi") leaves these where the processor has them.
 * A word that is no feature is reported once and leaves nothing. */
#ifndef CTVIGIL_CPU_H
#define CTVIGIL_CPU_H

#include "base/base.h"

enum cpu_feature {
    CPU_SHANI = 1, /* x86 SHA extensions, with AVX */
    CPU_AVX2 = 2,  /* and the operating system keeps the wide registers */
    CPU_VBMI = 4,  /* AVX-512 with bytes as lanes (BW) and tables of 128 bytes (VBMI); as above */
};

/* May this be used? Safe from any thread. libctvigil-parser (CTVIGIL_BARE) reads no environment: it takes
 * what the compiler's runtime found out when the program was loaded. */
#ifndef CTVIGIL_BARE
bool cpu_has(enum cpu_feature feature);
#elif defined(__x86_64__)
static inline bool cpu_has(enum cpu_feature feature)
{
    if (feature == CPU_VBMI)
        return __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vbmi") != 0;
    return feature == CPU_AVX2 && __builtin_cpu_supports("avx2") != 0;
}
#else
static inline bool cpu_has(enum cpu_feature feature)
{
    (void)feature;
    return false;
}
#endif

/* For tests: the features (a set of enum cpu_feature) that a text such as CTVIGIL_CPU's allows; NULL: all.
 * *known is false when a word of it is no feature. */
unsigned cpu_allowed(const char *text, bool *known);
/* For tests: what the processor has, whatever the environment says. */
unsigned cpu_found(void);

#endif
