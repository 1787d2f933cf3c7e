#include "ingest/timesearch.h"

#define NEIGHBOURS 16 /* looked at for one that can be read */
#define ROUNDS     32 /* the place moves down each time */

/* What can not be read, and none of those behind it below `end`, counts as at the time or later. */
static enum err_code is_before(const struct timesearch *search, uint64_t index, uint64_t end, bool *before,
                               struct err *why)
{
    *before = false;
    for (uint64_t at = index; at < end && at - index < NEIGHBOURS; at++) {
        int64_t ms = 0;
        bool known = false;
        enum err_code code = search->look(search->arg, at, &ms, &known, why);
        *before = known && ms < search->time_ms;
        if (code != ERR_OK || known)
            return code;
    }
    return ERR_OK;
}

static enum err_code bisect(const struct timesearch *search, uint64_t end, uint64_t *index, struct err *why)
{
    uint64_t low = 0;
    uint64_t high = end;
    enum err_code code = ERR_OK;
    while (code == ERR_OK && low < high) {
        uint64_t middle = low + (high - low) / 2;
        bool before = false;
        code = is_before(search, middle, high, &before, why);
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return code;
}

/* The farthest entry in front of the place that is not before the time, at distances that double; the place:
 * there is none. One that can not be read is passed over, because nothing follows from it. */
static enum err_code overlooked(const struct timesearch *search, uint64_t place, uint64_t *found,
                                struct err *why)
{
    *found = place;
    for (uint64_t step = 1; step <= place; step *= 2) {
        int64_t ms = 0;
        bool known = false;
        enum err_code code = search->look(search->arg, place - step, &ms, &known, why);
        if (code != ERR_OK)
            return code;
        if (known && ms >= search->time_ms)
            *found = place - step;
    }
    return ERR_OK;
}

enum err_code timesearch_run(const struct timesearch *search, struct timesearch_place *place, struct err *why)
{
    uint64_t end = search->size;
    enum err_code code = ERR_OK;
    *place = (struct timesearch_place){.index = end};
    for (unsigned round = 0; code == ERR_OK && round < ROUNDS; round++) {
        uint64_t earlier;
        code = bisect(search, end, &place->index, why);
        if (code == ERR_OK)
            code = overlooked(search, place->index, &earlier, why);
        if (code != ERR_OK || earlier == place->index)
            break;
        place->disorder++;
        place->index = earlier;
        end = earlier;
    }
    if (code == ERR_OK && place->index < search->size)
        code = search->look(search->arg, place->index, &place->first_ms, &place->known, why);
    return code;
}
