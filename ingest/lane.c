#include "ingest/lane.h"

static void forget(struct lane *lane)
{
    lane->hole_count = 0;
    lane->snag = (struct lane_snag){.end = 0};
    lane->big_begin = LANE_NONE;
    lane->full_at = LANE_NONE;
}

bool lane_init(struct lane *lane)
{
    *lane = (struct lane){.ordinal = 1};
    forget(lane);
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
    lane->tree = 0;
    forget(lane);
    seq_restart(&lane->seq, begin);
}

void lane_stop(struct lane *lane)
{
    lane->ordinal++;
    lane->active = false;
    forget(lane);
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

unsigned lane_refused(struct lane *lane, uint64_t begin, uint64_t end, int64_t now_ms)
{
    struct lane_snag *snag = &lane->snag;
    lane_hole(lane, begin, end);
    if (snag->end != 0 && begin > snag->begin)
        return 0;
    if (snag->end == 0 || begin < snag->begin)
        *snag = (struct lane_snag){.begin = begin, .end = end, .since_ms = now_ms};
    snag->end = end < snag->end ? end : snag->end;
    return ++snag->tries;
}

void lane_halve(struct lane *lane)
{
    struct lane_snag *snag = &lane->snag;
    if (snag->end - snag->begin > 1)
        snag->end = snag->begin + (snag->end - snag->begin) / 2;
}

void lane_came(struct lane *lane, uint64_t begin, uint64_t end)
{
    if (lane->snag.end != 0 && begin <= lane->snag.begin && lane->snag.begin < end)
        lane->snag = (struct lane_snag){.end = 0};
    if (begin <= lane->big_begin && lane->big_begin < end)
        lane->big_begin = LANE_NONE;
    if (begin <= lane->full_at && lane->full_at < end)
        lane->full_at = LANE_NONE;
}

void lane_too_big(struct lane *lane, uint64_t begin, uint64_t end)
{
    lane_hole(lane, begin, end);
    if (begin > lane->big_begin)
        return; /* found out again when the lower one has come */
    lane->big_begin = begin;
    lane->big_end = end;
}

bool lane_stuck(struct lane *lane, unsigned tries, int64_t wait_ms, int64_t now_ms)
{
    struct lane_snag *snag = &lane->snag;
    if (snag->end == 0 || snag->told || snag->tries < tries || now_ms - snag->since_ms < wait_ms)
        return false;
    snag->told = true;
    return true;
}

bool lane_next_big(const struct lane *lane)
{
    return lane->hole_count != 0 && lane->holes[0].begin == lane->big_begin;
}

/* Where a request that begins here has to end, because of what is known about the stretch. */
static uint64_t cut(const struct lane *lane, uint64_t begin, uint64_t end)
{
    if (begin == lane->snag.begin && lane->snag.end != 0 && lane->snag.end < end)
        end = lane->snag.end;
    if (begin == lane->big_begin && lane->big_end < end)
        end = lane->big_end;
    if (begin < lane->big_begin && lane->big_begin < end)
        end = lane->big_begin;
    return end;
}

bool lane_next(struct lane *lane, const struct plan *plan, uint64_t limit, uint64_t *begin, uint64_t *end)
{
    if (!lane_has(lane, limit))
        return false;
    if (lane->hole_count != 0) {
        struct lane_hole *hole = &lane->holes[0];
        *begin = hole->begin;
        *end = cut(lane, hole->begin, plan_cut(plan, hole->begin, hole->end));
        hole->begin = *end;
        if (hole->begin == hole->end)
            hole_remove(lane, 0);
        return true;
    }
    uint64_t stop = limit < lane->end ? limit : lane->end;
    *begin = lane->ask;
    *end = plan_cut(plan, lane->ask, stop);
    lane->ask = *end;
    return true;
}

bool lane_has(const struct lane *lane, uint64_t limit)
{
    uint64_t stop = limit < lane->end ? limit : lane->end;
    if (lane->active && lane_next_big(lane))
        return lane->big_begin == lane->seq.next;
    return lane->active && (lane->hole_count != 0 || lane->ask < stop);
}

bool lane_starved(const struct lane *lane)
{
    return lane->active && lane->hole_count != 0 && lane->holes[0].begin == lane->seq.next;
}
