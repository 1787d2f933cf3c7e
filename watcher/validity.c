#include "watcher/validity.h"

#include "base/text.h"

#define DAY_S INT64_C(86400)

struct period {
    int64_t from; /* Unix seconds, midnight UTC */
    int64_t days; /* 0: the rule counts in months */
    int months;
};

/* Newest first. Between 2015-04-01 and 2016-06-30 a few documented exceptions were allowed 60 months; a
 * certificate does not say that it is one. */
static const struct period periods[] = {
    {1868227200, 47, 0},  /* 2029-03-15, ballot SC-081v3 */
    {1805068800, 100, 0}, /* 2027-03-15 */
    {1773532800, 200, 0}, /* 2026-03-15 */
    {1598918400, 398, 0}, /* 2020-09-01 */
    {1519862400, 825, 0}, /* 2018-03-01 */
    {1427846400, 0, 39},  /* 2015-04-01 */
    {1341100800, 0, 60},  /* 2012-07-01: the first edition takes effect */
};

static const struct period *period_of(int64_t not_before)
{
    for (size_t i = 0; i < countof(periods); i++) {
        if (not_before >= periods[i].from)
            return &periods[i];
    }
    return NULL;
}

/* A day that the last month lacks counts on into the next one, as the linters of the time had it. */
static int64_t days_of_months(int64_t not_before, int months)
{
    int64_t begin = not_before / DAY_S; /* periods in months begin long after the epoch */
    int64_t year;
    int month;
    int day;

    text_date(begin, &year, &month, &day);
    int last = month - 1 + months;
    return text_days(year + last / 12, last % 12 + 1, 1) + day - 1 - begin;
}

int64_t validity_days_max(int64_t not_before)
{
    const struct period *period = period_of(not_before);

    if (period == NULL)
        return VALIDITY_NO_LIMIT;
    /* From a time of day to the same time of day is one second more than whole days, which begins another. */
    return period->months == 0 ? period->days : days_of_months(not_before, period->months) + 1;
}

int validity_months_max(int64_t not_before)
{
    const struct period *period = period_of(not_before);

    return period == NULL ? 0 : period->months;
}

int64_t validity_days(int64_t not_before, int64_t not_after)
{
    if (not_after < not_before)
        return 0;
    return (not_after - not_before + DAY_S) / DAY_S;
}
