/* Which entries to ask for next. Pure arithmetic: it knows page sizes, alignment and tiles, but no clock, no
 * network and no log. What a log serves per request is not written anywhere, so it is learned from short
 * replies (RFC 6962 section 4.6 allows them); a short reply never shrinks how many requests are in flight. */
#ifndef CTVIGIL_PLAN_H
#define CTVIGIL_PLAN_H

#include "base/base.h"

#define PLAN_ALIGN_MIN  32 /* below this a common boundary of two replies is chance */
#define PLAN_ALIGN_MAX  1024
#define PLAN_GROW_AFTER 64 /* full replies until a learned page size is tried at double size */

struct plan {
    bool tiles;           /* static-ct: a request never crosses a tile of 256 */
    uint64_t page;        /* entries to ask for at once */
    uint64_t page_max;    /* as configured */
    uint64_t align;       /* requests end on a multiple of this; 0: not known */
    uint64_t short_align; /* boundary the last short reply ended on */
    uint64_t short_count; /* entries of the last short reply */
    unsigned full_count;  /* full replies since the last short one */
};

void plan_init(struct plan *plan, bool tiles, uint64_t page_max);
/* Begins with what was learned before, or is known from elsewhere: never more than page_max. */
void plan_recall(struct plan *plan, uint64_t page, uint64_t align);
/* End of the first request for [begin, end); begin < end. */
uint64_t plan_cut(const struct plan *plan, uint64_t begin, uint64_t end);
/* [begin, asked_end) was asked for, [begin, got_end) came. */
void plan_learn(struct plan *plan, uint64_t begin, uint64_t asked_end, uint64_t got_end);
/* A reply to a request for `asked` entries was more than a batch can hold: at most half as many from now on.
 */
void plan_too_big(struct plan *plan, uint64_t asked);

#endif
