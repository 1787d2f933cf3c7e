#include "cli/importplan.h"

#include "parser/tile.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The first entry from `at` on that belongs to no range and to nothing that is skipped. */
static uint64_t importplan_free(const struct importplan *plan, uint64_t at)
{
    for (size_t i = 0; i < plan->range_count; i++)
        if (plan->range[i].begin <= at && at < plan->range[i].end)
            at = plan->range[i].end;
    for (size_t i = 0; i < plan->skip_count; i++)
        if (plan->skip[i].begin <= at && at < plan->skip[i].end)
            at = plan->skip[i].end;
    return at;
}

/* Up to where it is free. */
static uint64_t importplan_free_end(const struct importplan *plan, uint64_t at, uint64_t end)
{
    for (size_t i = 0; i < plan->range_count; i++)
        if (plan->range[i].begin > at)
            end = least(end, plan->range[i].begin);
    for (size_t i = 0; i < plan->skip_count; i++)
        if (plan->skip[i].begin > at)
            end = least(end, plan->skip[i].begin);
    return end;
}

bool importplan_gap(const struct importplan *plan, struct importplan_gap *gap)
{
    for (size_t i = 0; i < plan->there_count; i++) {
        const struct archive_stretch *there = &plan->there[i];
        uint64_t at = importplan_free(plan, there->begin);
        if (at >= there->end)
            continue;
        *gap = (struct importplan_gap){at, importplan_free_end(plan, at, there->end), NULL};
        for (size_t k = 0; k < plan->range_count; k++)
            if (plan->range[k].end == at && plan->range[k].next == at)
                gap->longer = &plan->range[k];
        return gap->longer != NULL || plan->range_count < IMPORTPLAN_RANGES_MAX;
    }
    return false;
}

void importplan_skip(struct importplan *plan, uint64_t begin, uint64_t end)
{
    must(plan->skip_count < IMPORTPLAN_RANGES_MAX);
    plan->skip[plan->skip_count++] = (struct archive_stretch){begin, end};
}

bool importplan_work(const struct importplan *plan, struct importplan_work *work)
{
    for (size_t i = 0; i < plan->range_count; i++) {
        const struct db_import_range *range = &plan->range[i];
        bool open = range->end == UINT64_MAX;
        if (range->next >= range->end || (open && plan->followed))
            continue;
        for (size_t k = 0; k < plan->there_count; k++) {
            const struct archive_stretch *there = &plan->there[k];
            if (range->next < there->begin || range->next >= there->end)
                continue;
            *work = (struct importplan_work){range->id, range->next, least(range->end, there->end)};
            return true;
        }
    }
    return false;
}

uint64_t importplan_behind(uint64_t next, uint64_t end)
{
    return least(next - next % TILE_WIDTH + TILE_WIDTH, end);
}

bool importplan_joins(const struct db_import_range *left, const struct db_import_range *right)
{
    return left->end == right->begin && left->next == left->end && left->verified == left->end &&
           right->next == right->end && right->verified == right->end;
}

bool importplan_missing(const struct importplan *plan, uint64_t at, uint64_t end,
                        struct archive_stretch *missing)
{
    for (size_t i = 0; i < plan->range_count; i++)
        if (plan->range[i].begin <= at && at < plan->range[i].next)
            at = plan->range[i].next;
    if (at >= end)
        return false;
    *missing = (struct archive_stretch){at, end};
    for (size_t i = 0; i < plan->range_count; i++)
        if (plan->range[i].begin > at && plan->range[i].next > plan->range[i].begin)
            missing->end = least(missing->end, plan->range[i].begin);
    return true;
}

uint64_t importplan_stored(const struct importplan *plan)
{
    uint64_t count = 0;
    for (size_t i = 0; i < plan->range_count; i++)
        count += plan->range[i].next - plan->range[i].begin;
    return count;
}

uint64_t importplan_verified(const struct importplan *plan)
{
    uint64_t count = 0;
    for (size_t i = 0; i < plan->range_count; i++)
        count += plan->range[i].verified - plan->range[i].begin;
    return count;
}

bool importplan_complete(const struct importplan *plan, uint64_t size)
{
    uint64_t at = 0;
    for (size_t i = 0; i < plan->range_count && plan->range[i].begin <= at; i++)
        at = plan->range[i].verified > at ? plan->range[i].verified : at;
    return at >= size;
}
