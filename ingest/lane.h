/* One reading of a stretch of a log: what was asked for, what must be asked for again, and the sequencer that
 * puts the replies into log order. A log has two lanes: the one that stores new entries, and the one that
 * reads a suspect stretch again. Not thread-safe: the lock of its follow (follow.h) guards it. */
#ifndef CTVIGIL_LANE_H
#define CTVIGIL_LANE_H

#include "base/limits.h"
#include "base/seq.h"
#include "ingest/plan.h"

/* Neighbouring holes are merged, so there is at most one behind every request under way, and one in front. */
#define LANE_HOLES_MAX (LIMIT_WINDOW + 2)

struct lane_hole {
    uint64_t begin;
    uint64_t end;
};

struct lane {
    bool active;      /* may be asked for */
    bool fresh;       /* every request over a new connection */
    bool stage;       /* the matching stage runs for its batches */
    uint64_t ordinal; /* raised by every start and stop; a reply of an older ordinal is dropped */
    uint64_t begin;
    uint64_t ask; /* first entry not asked for yet */
    uint64_t end;
    unsigned outstanding; /* jobs that hold a batch for this lane, of any ordinal */
    struct seq seq;
    struct lane_hole holes[LANE_HOLES_MAX];
    size_t hole_count;
};

MUST_USE bool lane_init(struct lane *lane);
void lane_fini(struct lane *lane); /* the sequencer must be empty */
/* Reads [begin, end) from now on; `end` may be STORE_RANGE_OPEN. The sequencer must be empty. */
void lane_start(struct lane *lane, uint64_t begin, uint64_t end);
void lane_stop(struct lane *lane);
/* [begin, end) was asked for and did not come. */
void lane_hole(struct lane *lane, uint64_t begin, uint64_t end);
/* The next request below `limit`, holes first. False: nothing to ask for now. */
MUST_USE bool lane_next(struct lane *lane, const struct plan *plan, uint64_t limit, uint64_t *begin,
                        uint64_t *end);
/* Would lane_next find something? */
bool lane_has(const struct lane *lane, uint64_t limit);
/* True when the entry the lane waits for is in a hole: until it comes nothing behind it can leave. */
bool lane_starved(const struct lane *lane);

#endif
