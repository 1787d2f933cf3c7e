/* Where a log of the log list is begun that is to be read from "now" on: from when it was registered. */
#ifndef CTVIGIL_BEGINNING_H
#define CTVIGIL_BEGINNING_H

#include "ingest/courtesy.h"

/* A log that did not say where it is for so long is looked up by time; a little before, because the
 * timestamps of what is taken in together are not in order. */
#define BEGINNING_SILENT_MS INT64_C(120000)
#define BEGINNING_BEFORE_MS INT64_C(3600000)

struct beginning {
    const struct ctlog *log;
    const struct ask *asked;
    int64_t added_ms;
    int64_t now_ms;
};

/* `asked` is what came of asking for its head. That is where it begins; when it was silent until now, the
 * index at which it stood when it was registered (at added_ms), or a little before, found by bisection: what
 * it took in meanwhile is not passed over. Waits as probe.h says. */
MUST_USE enum err_code beginning_find(const struct courtesy *courtesy, const struct beginning *beginning,
                                      const atomic_bool *stop, uint64_t *begin, struct err *why);

#endif
