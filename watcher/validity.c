#include "watcher/validity.h"

#define DAY_S INT64_C(86400)

struct period {
    int64_t from; /* Unix seconds, midnight UTC */
    int64_t days;
};

/* Newest first. Between 2015-04-01 and 2016-06-30 a few documented exceptions were allowed 60 months; a
 * certificate does not say that it is one. */
static const struct period periods[] = {
    {1868227200, 47},      /* 2029-03-15, ballot SC-081v3 */
    {1805068800, 100},     /* 2027-03-15 */
    {1773532800, 200},     /* 2026-03-15 */
    {1598918400, 398},     /* 2020-09-01 */
    {1519862400, 825},     /* 2018-03-01 */
    {1427846400, 39 * 31}, /* 2015-04-01 */
    {1341100800, 60 * 31}, /* 2012-07-01: the first edition takes effect */
};

int64_t validity_days_max(int64_t not_before)
{
    for (size_t i = 0; i < countof(periods); i++) {
        if (not_before >= periods[i].from)
            return periods[i].days;
    }
    return VALIDITY_NO_LIMIT;
}

int64_t validity_days(int64_t not_before, int64_t not_after)
{
    if (not_after < not_before)
        return 0;
    return (not_after - not_before + DAY_S) / DAY_S;
}
