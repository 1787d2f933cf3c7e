#include "cli/staleness.h"

#include "base/limits.h"

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t staleness_limit_ms(int64_t mmd_s)
{
    return later(mmd_s > 0 ? mmd_s * 1000 : STALENESS_MMD_MS, STALENESS_LEAST_MS);
}

const char *staleness_rule_name(enum staleness_rule rule)
{
    static const char *const names[] = {"", "head_age", "smaller_head", "entries", "unreachable"};

    must((unsigned)rule < countof(names));
    return names[rule];
}

const char *staleness_self_name(enum staleness_self self)
{
    static const char *const names[] = {"", "clock_ahead", "clock_behind", "cut_off"};

    must((unsigned)self < countof(names));
    return names[self];
}

static int64_t heard_ms(const struct staleness_log *log)
{
    return later(log->heard_ms, log->clean_ms);
}

/* A time of ours in the future is of a clock that was set back since: not long ago. */
static bool is_heard(const struct staleness_log *log, int64_t now_ms)
{
    return heard_ms(log) != 0 && now_ms - heard_ms(log) <= STALENESS_HEARD_MS;
}

static enum staleness_rule judge_one(const struct staleness_log *log, int64_t now_ms, int64_t watching_ms)
{
    int64_t limit_ms = staleness_limit_ms(log->mmd_s);
    int64_t since_ms = later(watching_ms, log->begun_ms);

    if (!is_heard(log, now_ms))
        return log->error && now_ms - later(heard_ms(log), since_ms) > limit_ms ? STALENESS_UNREACHABLE
                                                                                : STALENESS_NONE;
    if (log->head_ms != 0 && now_ms - log->head_ms > limit_ms)
        return log->served_size < log->head_size ? STALENESS_SMALLER_HEAD : STALENESS_HEAD_AGE;
    if (log->served_size < log->head_size && now_ms - later(log->head_seen_ms, since_ms) > limit_ms)
        return STALENESS_SMALLER_HEAD;
    if (log->error && log->behind && now_ms - later(log->clean_ms, since_ms) > limit_ms)
        return STALENESS_ENTRIES;
    return STALENESS_NONE;
}

static bool is_well(const struct staleness_log *log, int64_t now_ms)
{
    return is_heard(log, now_ms) && log->head_ms != 0 && log->served_size >= log->head_size &&
           !(log->error && log->behind);
}

/* One log alone says nothing about us. */
static enum staleness_self judge_self(const struct staleness_log *logs, size_t count, int64_t now_ms,
                                      const struct staleness_verdict *verdicts)
{
    size_t heard = 0;
    size_t late = 0;
    size_t early = 0;
    bool stale = false;
    bool silent = false;

    for (size_t i = 0; i < count; i++) {
        silent = silent || verdicts[i].rule == STALENESS_UNREACHABLE;
        if (!is_heard(&logs[i], now_ms))
            continue;
        heard++;
        if (logs[i].head_ms == 0)
            continue;
        late += now_ms - logs[i].head_ms > STALENESS_CLOCK_MS;
        early += logs[i].head_ms - now_ms > LIMIT_HEAD_FUTURE_MS;
        stale = stale || verdicts[i].rule == STALENESS_HEAD_AGE;
    }
    if (count > 1 && heard == 0 && silent)
        return STALENESS_SELF_CUT_OFF;
    if (heard > 1 && late == heard && stale)
        return STALENESS_SELF_AHEAD;
    return heard > 1 && early == heard ? STALENESS_SELF_BEHIND : STALENESS_SELF_FINE;
}

enum staleness_self staleness_judge(const struct staleness_log *logs, size_t count, int64_t now_ms,
                                    int64_t watching_ms, struct staleness_verdict *verdicts)
{
    for (size_t i = 0; i < count; i++) {
        verdicts[i].rule = judge_one(&logs[i], now_ms, watching_ms);
        verdicts[i].well = verdicts[i].rule == STALENESS_NONE && is_well(&logs[i], now_ms);
    }
    enum staleness_self self = judge_self(logs, count, now_ms, verdicts);
    for (size_t i = 0; i < count; i++) {
        if (self == STALENESS_SELF_FINE)
            break;
        verdicts[i] = (struct staleness_verdict){.rule = STALENESS_NONE};
    }
    return self;
}
