#include "ingest/lane.h"

bool lane_init(struct lane *lane)
{
    *lane = (struct lane){.ordinal = 1};
    return seq_init(&lane->seq, 0, LIMIT_WINDOW);
}

void lane_fini(struct lane *lane)
{
    seq_fini(&lane->seq);
}

void lane_start(struct lane *lane, uint64_t begin, uint64_t end)
{
    must(begin <= end);
    lane->ordinal++;
    lane->active = true;
    lane->begin = begin;
    lane->ask = begin;
    lane->end = end;
    lane->hole_count = 0;
    seq_restart(&lane->seq, begin);
}

void lane_stop(struct lane *lane)
{
    lane->ordinal++;
    lane->active = false;
    lane->hole_count = 0;
}

static void hole_remove(struct lane *lane, size_t at)
{
    lane->hole_count--;
    memmove(&lane->holes[at], &lane->holes[at + 1], (lane->hole_count - at) * sizeof(lane->holes[0]));
}

void lane_hole(struct lane *lane, uint64_t begin, uint64_t end)
{
    must(begin < end);
    size_t at = 0;
    while (at < lane->hole_count && lane->holes[at].begin < begin)
        at++;
    if (at > 0 && lane->holes[at - 1].end == begin) {
        at--;
        lane->holes[at].end = end;
    } else {
        must(lane->hole_count < LANE_HOLES_MAX);
        memmove(&lane->holes[at + 1], &lane->holes[at], (lane->hole_count - at) * sizeof(lane->holes[0]));
        lane->holes[at] = (struct lane_hole){begin, end};
        lane->hole_count++;
    }
    if (at + 1 < lane->hole_count && lane->holes[at].end == lane->holes[at + 1].begin) {
        lane->holes[at].end = lane->holes[at + 1].end;
        hole_remove(lane, at + 1);
    }
}

bool lane_next(struct lane *lane, const struct plan *plan, uint64_t limit, uint64_t *begin, uint64_t *end)
{
    if (!lane->active)
        return false;
    if (lane->hole_count != 0) {
        struct lane_hole *hole = &lane->holes[0];
        *begin = hole->begin;
        *end = plan_cut(plan, hole->begin, hole->end);
        hole->begin = *end;
        if (hole->begin == hole->end)
            hole_remove(lane, 0);
        return true;
    }
    uint64_t stop = limit < lane->end ? limit : lane->end;
    if (lane->ask >= stop)
        return false;
    *begin = lane->ask;
    *end = plan_cut(plan, lane->ask, stop);
    lane->ask = *end;
    return true;
}

bool lane_has(const struct lane *lane, uint64_t limit)
{
    uint64_t stop = limit < lane->end ? limit : lane->end;
    return lane->active && (lane->hole_count != 0 || lane->ask < stop);
}

bool lane_starved(const struct lane *lane)
{
    return lane->active && lane->hole_count != 0 && lane->holes[0].begin == lane->seq.next;
}
