#include "base/cpu.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/say.h"
#include "base/span.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const struct {
    const char *name;
    unsigned features;
} words[] = {
    {"portable", 0},
    {"shani", CPU_SHANI},
    {"avx2", CPU_AVX2},
    {"vbmi", CPU_VBMI},
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned usable;

#if defined(__x86_64__)

/* The compilers' own __builtin_cpu_supports does not know SHA in all versions that we build with; what it
 * does know of AVX includes that the operating system keeps the wide registers. */
unsigned cpu_found(void)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    unsigned features = 0;

    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx") == 0 || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0)
        return 0;
    if ((b & bit_SHA) != 0)
        features |= CPU_SHANI;
    if (__builtin_cpu_supports("avx2") != 0)
        features |= CPU_AVX2;
    if (__builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vbmi") != 0)
        features |= CPU_VBMI;
    return features;
}

#else

unsigned cpu_found(void)
{
    return 0;
}

#endif

static bool word_find(struct span word, unsigned *features)
{
    for (size_t i = 0; i < countof(words); i++) {
        if (!span_eq(word, span_str(words[i].name)))
            continue;
        *features |= words[i].features;
        return true;
    }
    return false;
}

unsigned cpu_allowed(const char *text, bool *known)
{
    unsigned features = 0;

    *known = true;
    if (text == NULL || *text == '\0')
        return ~0u;
    for (;;) {
        size_t len = strcspn(text, ",");
        *known = word_find(span_of(text, len), &features) && *known;
        if (text[len] == '\0')
            break;
        text += len + 1;
    }
    return *known ? features : 0;
}

static void find(void)
{
    const char *text = getenv("CTVIGIL_CPU");
    bool known = true;
    unsigned allowed = cpu_allowed(text, &known);

    if (!known)
        say_warn("cpu", "CTVIGIL_CPU=%s is not understood; portable code is used", text);
    usable = cpu_found() & allowed;
}

bool cpu_has(enum cpu_feature feature)
{
    must(pthread_once(&once, find) == 0);
    return (usable & (unsigned)feature) != 0;
}
