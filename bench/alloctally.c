/* Preloaded into a program (LD_PRELOAD) it counts every call of malloc, calloc, realloc and their kin, by the
 * object that calls and by the place in it, and writes the table to ALLOCTALLY_FILE when the program ends:
 * one line "calls bytes object+offset" each, the total first as "calls bytes total". Only calls that make or
 * move memory count. bench_alloc.sh reads it. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PLACES 8192 /* places in code that allocate; the rest is counted together */
#define EXPORT __attribute__((visibility("default")))

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void *memalign(size_t align, size_t size);
void *aligned_alloc(size_t align, size_t size);
int posix_memalign(void **out, size_t align, size_t size);

static struct {
    _Atomic(uintptr_t) at;
    atomic_uint_fast64_t calls;
    atomic_uint_fast64_t bytes;
} places[PLACES + 1];

static void count(const void *caller, size_t size)
{
    uintptr_t at = (uintptr_t)caller;
    size_t slot = (at >> 2) * 0x9e3779b97f4a7c15u % PLACES;
    for (size_t tries = 0;; slot = (slot + 1) % PLACES) {
        uintptr_t none = 0;
        if (tries++ == PLACES) {
            slot = PLACES;
            break;
        }
        if (atomic_load_explicit(&places[slot].at, memory_order_relaxed) == at ||
            atomic_compare_exchange_strong(&places[slot].at, &none, at) || none == at)
            break;
    }
    atomic_fetch_add_explicit(&places[slot].calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&places[slot].bytes, size, memory_order_relaxed);
}

EXPORT void *malloc(size_t size)
{
    count(__builtin_return_address(0), size);
    return __libc_malloc(size);
}

EXPORT void *calloc(size_t number, size_t size)
{
    count(__builtin_return_address(0), number * size);
    return __libc_calloc(number, size);
}

EXPORT void *realloc(void *old, size_t size)
{
    count(__builtin_return_address(0), size);
    return __libc_realloc(old, size);
}

EXPORT void *memalign(size_t align, size_t size)
{
    count(__builtin_return_address(0), size);
    return __libc_memalign(align, size);
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
    count(__builtin_return_address(0), size);
    return __libc_memalign(align, size);
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    count(__builtin_return_address(0), size);
    *out = __libc_memalign(align, size);
    return *out == NULL ? ENOMEM : 0;
}

static void __attribute__((destructor)) report(void)
{
    const char *path = getenv("ALLOCTALLY_FILE");
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    uint64_t calls = 0;
    uint64_t bytes = 0;
    if (file == NULL)
        return;
    for (size_t i = 0; i <= PLACES; i++) {
        calls += atomic_load(&places[i].calls);
        bytes += atomic_load(&places[i].bytes);
    }
    fprintf(file, "%llu %llu total\n", (unsigned long long)calls, (unsigned long long)bytes);
    for (size_t i = 0; i <= PLACES; i++) {
        Dl_info info = {0};
        void *at = (void *)atomic_load(&places[i].at);
        if (atomic_load(&places[i].calls) == 0)
            continue;
        bool known = dladdr(at, &info) != 0;
        ptrdiff_t offset = known ? (char *)at - (char *)info.dli_fbase : 0;
        fprintf(file, "%llu %llu %s+0x%llx %s\n", (unsigned long long)atomic_load(&places[i].calls),
                (unsigned long long)atomic_load(&places[i].bytes), known ? info.dli_fname : "?",
                (unsigned long long)offset, known && info.dli_sname != NULL ? info.dli_sname : "?");
    }
    (void)fclose(file);
}
