#include "db/meet.h"

static bool same(const struct compact *a, const struct compact *b)
{
    return a->size == b->size && memcmp(a->hash, b->hash, 32 * compact_count(a)) == 0;
}

static bool begin_known(const struct store_range *range)
{
    return range->begin_frontier.size == range->begin;
}

/* Nobody vouches for the frontier at the border, and entries behind it are stored. */
static enum store_meet judge_unproven(const struct store_range *lower, const struct store_range *upper,
                                      bool blind)
{
    if (upper->verified > upper->begin)
        return STORE_MEET_WAITS; /* it was, and is not remembered: to join is to forget that */
    if (blind)
        return STORE_MEET_JOINED;
    if (lower->frontier.size != lower->next)
        return STORE_MEET_WAITS;
    return same(&upper->verified_frontier, &lower->frontier) ? STORE_MEET_WAITS : STORE_MEET_LENT;
}

enum store_meet meet_judge(const struct store_range *lower, const struct store_range *upper, bool blind)
{
    if (lower->next != lower->end || upper->begin != lower->end || upper->log_id != lower->log_id)
        return STORE_MEET_APART;
    if (begin_known(upper)) {
        if (lower->frontier.size != lower->next)
            return STORE_MEET_WAITS;
        return same(&lower->frontier, &upper->begin_frontier) ? STORE_MEET_JOINED : STORE_MEET_DIFFERS;
    }
    return upper->next == upper->begin ? STORE_MEET_JOINED : judge_unproven(lower, upper, blind);
}

void meet_join(const struct store_range *lower, const struct store_range *upper, struct store_range *joined)
{
    bool proven = begin_known(upper);
    *joined = *upper;
    joined->begin = lower->begin;
    joined->begin_frontier = lower->begin_frontier;
    joined->epoch++;
    if (upper->next == upper->begin)
        joined->frontier = lower->frontier;
    else if (!proven)
        joined->frontier.size = 0; /* that of a tree of which the lower part is missing */
    if (!proven) {
        joined->verified = lower->verified;
        joined->verified_frontier = lower->verified_frontier;
    } else if (upper->verified == upper->begin) {
        joined->verified_frontier = lower->frontier;
    }
}
