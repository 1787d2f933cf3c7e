/* How many requests of one log may be under way: by how long its answers take. What comes in is what is under
 * way divided by that time, so a log that answers after a second needs more of them than one that answers at
 * once; how fast is the business of its operator's budget, and how many batches there are that of the stock.
 * Pure arithmetic. */
#ifndef CTVIGIL_WINDOW_H
#define CTVIGIL_WINDOW_H

#include "base/base.h"

#define WINDOW_QUICK_MS 250 /* up to here the configured number is enough: 8 of them are 32 in a second */

struct window {
    int64_t took_ms; /* what an answer takes, of late; 0: none came yet */
};

/* An answer came, well or not, after `took_ms`. */
void window_note(struct window *window, int64_t took_ms);
/* As many may be under way: `base`, more for slow answers, at most LIMIT_WINDOW. */
unsigned window_size(const struct window *window, unsigned base);

#endif
