#include "ingest/plan.h"

#include "parser/tile.h"

void plan_init(struct plan *plan, bool tiles, uint64_t page_max)
{
    must(page_max > 0);
    *plan = (struct plan){.tiles = tiles, .page = page_max, .page_max = page_max};
}

void plan_recall(struct plan *plan, uint64_t page, uint64_t align)
{
    if (plan->tiles || page == 0)
        return;
    plan->page = page < plan->page_max ? page : plan->page_max;
    plan->align = align >= PLAN_ALIGN_MIN && align <= PLAN_ALIGN_MAX ? align : 0;
    plan->short_align = plan->align;
}

uint64_t plan_cut(const struct plan *plan, uint64_t begin, uint64_t end)
{
    must(begin < end);
    uint64_t unit = plan->tiles ? TILE_WIDTH : plan->page;
    uint64_t most = end - begin > unit ? begin + unit : end;
    uint64_t align = plan->tiles ? TILE_WIDTH : plan->align;
    if (align == 0 || (most == end && most / align == begin / align))
        return most;
    uint64_t aligned = most - most % align;
    return aligned > begin ? aligned : most;
}

/* The largest power of two that divides `value`, at most PLAN_ALIGN_MAX. */
static uint64_t boundary(uint64_t value)
{
    uint64_t power = value & (~value + 1);
    return power == 0 || power > PLAN_ALIGN_MAX ? PLAN_ALIGN_MAX : power;
}

static void learn_full(struct plan *plan, uint64_t asked)
{
    if (asked < plan->page || plan->page >= plan->page_max)
        return;
    if (++plan->full_count < PLAN_GROW_AFTER)
        return;
    plan->full_count = 0;
    plan->page = plan->page * 2 > plan->page_max ? plan->page_max : plan->page * 2;
}

void plan_learn(struct plan *plan, uint64_t begin, uint64_t asked_end, uint64_t got_end)
{
    if (plan->tiles || got_end <= begin)
        return;
    if (got_end >= asked_end) {
        learn_full(plan, asked_end - begin);
        return;
    }
    uint64_t count = got_end - begin;
    uint64_t align = boundary(got_end);
    if (align >= PLAN_ALIGN_MIN && plan->short_align >= PLAN_ALIGN_MIN)
        plan->align = align < plan->short_align ? align : plan->short_align;
    else if (align < PLAN_ALIGN_MIN)
        plan->align = 0;
    if (count == plan->short_count)
        plan->page = count;
    plan->short_align = align;
    plan->short_count = count;
    plan->full_count = 0;
}

void plan_too_big(struct plan *plan, uint64_t asked)
{
    uint64_t half = asked / 2 > 0 ? asked / 2 : 1;
    if (plan->tiles || half >= plan->page)
        return;
    plan->page = half;
    plan->full_count = 0;
}
