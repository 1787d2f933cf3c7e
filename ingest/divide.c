#include "ingest/divide.h"

#include "base/clock.h"
#include "base/metric.h"
#include "base/say.h"
#include "ingest/backlog.h"
#include "ingest/reread.h"

#define UNIT     256   /* a border never runs through a tile */
#define AGAIN_MS 10000 /* there was no room for one more range */

uint64_t divide_at(uint64_t next, uint64_t head, uint64_t most)
{
    uint64_t at = head - head % UNIT;
    return most != 0 && head > next && head - next > most && at > next ? at : 0;
}

uint64_t divide_half(uint64_t next, uint64_t end, uint64_t most)
{
    if (most == 0 || end <= next || (end - next) / 2 < most)
        return 0;
    uint64_t at = next + (end - next) / 2;
    at -= at % UNIT;
    return at > next && at < end ? at : 0;
}

static bool cut(struct settle *settle, struct follow *follow, const struct store_range *range, uint64_t at)
{
    struct err why = {.code = ERR_OK};
    bool done = false;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->range_split(settle->store, range, at, &done, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK && code != ERR_DB_CONFLICT) /* somebody is at it: the next time */
        say_error(follow->log.name, "%s", why.text);
    if (!done)
        return false;
    metric_add(METRIC_RANGES_SPLIT_TOTAL, 1);
    say_info(follow->log.name, "entries %" PRIu64 " to %" PRIu64 " are read as backlog", range->next, at - 1);
    plant_told(settle->plant, follow, "split", range->begin, at);
    return true;
}

void divide_head(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    const struct pipe_options *options = &settle->plant->options;
    int64_t now_ms = clock_mono_ms();
    if (options->once || options->split_entries == 0 || !own->held || own->range.end != STORE_RANGE_OPEN ||
        own->again != FOLLOW_NOT_AGAIN || now_ms < own->divide_due_ms || plant_stopping(settle->plant))
        return;
    thread_lock(&follow->lock);
    uint64_t head = follow->head_known ? follow->head_size : 0;
    thread_unlock(&follow->lock);
    uint64_t at = divide_at(own->range.next, head, options->split_entries);
    if (at == 0)
        return;
    own->divide_due_ms = now_ms + AGAIN_MS;
    if (!cut(settle, follow, &own->range, at))
        return;
    settle_let_go(settle, follow, 0);
    plant_kick(settle->plant, follow);
}

bool divide_backlog(struct settle *settle, struct follow *back, const struct store_range *ranges,
                    size_t count)
{
    const struct pipe_options *options = &settle->plant->options;
    const struct store_range *largest = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct store_range *range = &ranges[i];
        if (largest == NULL || range->end - range->next > largest->end - largest->next)
            largest = range;
    }
    if (options->once || largest == NULL)
        return false;
    uint64_t at = divide_half(largest->next, largest->end, options->split_entries);
    return at != 0 && cut(settle, back, largest, at);
}
