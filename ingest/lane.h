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

#define LANE_NONE UINT64_MAX

struct lane_hole {
    uint64_t begin;
    uint64_t end;
};

/* The lowest stretch that was asked for and refused: what the lane remembers of it between two tries. */
struct lane_snag {
    uint64_t begin;
    uint64_t end;     /* 0: there is none; smaller than asked for when only half of it is to be tried */
    unsigned tries;   /* failed ones in a row */
    int64_t since_ms; /* of the first one */
    bool told;
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
    struct lane_snag snag;
    uint64_t big_begin; /* [big_begin, big_end) does not fit into a batch; LANE_NONE: no such stretch */
    uint64_t big_end;
    uint64_t tree;    /* partial tiles are those of a tree of this size; 0: of the largest head */
    uint64_t full_at; /* the partial tile that begins here is gone: the full one is asked for; LANE_NONE */
};

MUST_USE bool lane_init(struct lane *lane);
void lane_fini(struct lane *lane); /* the sequencer must be empty */
/* Reads [begin, end) from now on; `end` may be STORE_RANGE_OPEN. The sequencer must be empty. */
void lane_start(struct lane *lane, uint64_t begin, uint64_t end);
void lane_stop(struct lane *lane);
/* [begin, end) was asked for and did not come. */
void lane_hole(struct lane *lane, uint64_t begin, uint64_t end);
/* The same, and the log refused it: counts the tries of the lowest such stretch. Returns how often it was
 * tried now; 0: a lower one is in the way, which is the one that counts. */
unsigned lane_refused(struct lane *lane, uint64_t begin, uint64_t end, int64_t now_ms);
/* From now on only the first half of the refused stretch is tried at once. */
void lane_halve(struct lane *lane);
/* [begin, end) came: nothing is in the way there. */
void lane_came(struct lane *lane, uint64_t begin, uint64_t end);
/* [begin, end) did not fit into a batch and can not be cut: it is given out again only when it is what the
 * lane waits for, and nothing behind it before. */
void lane_too_big(struct lane *lane, uint64_t begin, uint64_t end);
/* True once for a stretch that was refused `tries` times over `wait_ms`: somebody should be told. */
MUST_USE bool lane_stuck(struct lane *lane, unsigned tries, int64_t wait_ms, int64_t now_ms);
/* True when what lane_next would give is the stretch that does not fit into a batch. */
bool lane_next_big(const struct lane *lane);
/* The next request below `limit`, holes first. False: nothing to ask for now. */
MUST_USE bool lane_next(struct lane *lane, const struct plan *plan, uint64_t limit, uint64_t *begin,
                        uint64_t *end);
/* Would lane_next find something? */
bool lane_has(const struct lane *lane, uint64_t limit);
/* True when the entry the lane waits for is in a hole: until it comes nothing behind it can leave. */
bool lane_starved(const struct lane *lane);

#endif
