/* Libraries that tests compare with are not built for MSan, which takes what they wrote for not written. */
#ifndef CTVIGIL_FOREIGN_H
#define CTVIGIL_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define FOREIGN_UNSEEN 1
#endif
#endif

#ifdef FOREIGN_UNSEEN
static inline void foreign_wrote(const void *at, size_t len)
{
    __msan_unpoison(at, len);
}
/* May their structures be looked into? */
static inline bool foreign_readable(void)
{
    return false;
}
#else
static inline void foreign_wrote(const void *at, size_t len)
{
    (void)at;
    (void)len;
}
static inline bool foreign_readable(void)
{
    return true;
}
#endif

#endif
