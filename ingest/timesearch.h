/* Where in a log a time begins, when its timestamps are only nearly in order (a log has its MMD to take an
 * entry in), some can not be read, and some are lies. Pure: whoever asks brings the entries.
 *
 * What begins too early is read for nothing, what begins too late is missed: so of what is doubtful it takes
 * the earlier one. It looks at some 60 entries of a thousand million, not at all of them: single entries that
 * are later than those around them may lie in front of the place it finds. */
#ifndef CTVIGIL_TIMESEARCH_H
#define CTVIGIL_TIMESEARCH_H

#include "base/err.h"

struct timesearch {
    uint64_t size;   /* entries of the log */
    int64_t time_ms; /* what is looked for */
    /* When was this entry taken in? *known false: it can not be read. */
    enum err_code (*look)(void *arg, uint64_t index, int64_t *ms, bool *known, struct err *why);
    void *arg;
};

struct timesearch_place {
    uint64_t index;    /* of the first entry at or after the time; size: all are before */
    unsigned disorder; /* how often later entries were found in front of earlier ones */
    bool known;        /* there is one, and it can be read: */
    int64_t first_ms;
};

/* Errors are those of `look`. */
MUST_USE enum err_code timesearch_run(const struct timesearch *search, struct timesearch_place *place,
                                      struct err *why);

#endif
