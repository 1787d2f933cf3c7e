#include "base/base.h"

#include <unistd.h>

#include "base/thread.h"

_Noreturn void base_panic(const char *file, int line, const char *what)
{
    char text[512];
    int len = snprintf(text, sizeof text, "panic: %s:%d: must(%s) does not hold, thread %s\n", file, line,
                       what, thread_name());
    if (len > 0) {
        size_t count = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
        /* One plain write: stdio and its locks may be what is broken. */
        if (write(STDERR_FILENO, text, count) < 0)
            abort();
    }
    abort();
}
