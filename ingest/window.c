#include "ingest/window.h"

#include "base/limits.h"

#define NEW_PART 8 /* of the last answer in what is remembered: one part in so many */

void window_note(struct window *window, int64_t took_ms)
{
    if (took_ms < 1)
        took_ms = 1;
    if (window->took_ms == 0)
        window->took_ms = took_ms;
    /* Rounded away from what it was, or small changes would never count. */
    int64_t more_ms = took_ms - window->took_ms;
    window->took_ms += (more_ms + (more_ms > 0 ? NEW_PART - 1 : more_ms < 0 ? 1 - NEW_PART : 0)) / NEW_PART;
}

unsigned window_size(const struct window *window, unsigned base)
{
    if (window->took_ms <= WINDOW_QUICK_MS || base >= LIMIT_WINDOW)
        return base;
    int64_t size = (int64_t)base * window->took_ms / WINDOW_QUICK_MS;
    return size < LIMIT_WINDOW ? (unsigned)size : LIMIT_WINDOW;
}
