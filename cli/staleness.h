/* Is a log out of date, or are we? Pure: what is known of all logs that are followed and expected to go on,
 * and the time. A log that is retired, readonly, or no longer in the list is not asked about: it may be gone.
 *
 * What is allowed is the log's maximum merge delay, and never less than STALENESS_LEAST_MS: logs that promise
 * a minute are shut down for maintenance all the same, which browsers allow them for 21 hours in 90 days. */
#ifndef CTVIGIL_STALENESS_H
#define CTVIGIL_STALENESS_H

#include "base/base.h"

#define STALENESS_MMD_MS   INT64_C(86400000) /* of a log that does not say: the usual one */
#define STALENESS_LEAST_MS INT64_C(14400000)
#define STALENESS_HEARD_MS INT64_C(600000)  /* longer ago: the log is not heard of at this moment */
#define STALENESS_CLOCK_MS INT64_C(3600000) /* all heads older than that: it is the clock of this machine */

struct staleness_log {
    int32_t id;
    int64_t mmd_s;        /* 0: not said */
    int64_t begun_ms;     /* when we began to follow it */
    int64_t head_ms;      /* as signed, of its largest head; 0: none was seen */
    int64_t head_seen_ms; /* when that was last shown */
    uint64_t head_size;
    uint64_t served_size; /* of the head that came last */
    bool behind;          /* it promises more than was read */
    int64_t heard_ms;     /* when any head came last; 0: never */
    int64_t clean_ms;     /* when nothing was wrong last; 0: never */
    bool error;           /* something is wrong now */
};

enum staleness_rule {
    STALENESS_NONE,
    STALENESS_HEAD_AGE,     /* it answers, and its newest head is too old */
    STALENESS_SMALLER_HEAD, /* its largest head is gone: it shows smaller ones */
    STALENESS_ENTRIES,      /* it shows heads and does not give what they promise */
    STALENESS_UNREACHABLE
};

/* What is wrong with ourselves. Then no log is blamed for it. */
enum staleness_self {
    STALENESS_SELF_FINE,
    STALENESS_SELF_AHEAD,  /* every log seems to be late: our clock, rather than all of them */
    STALENESS_SELF_BEHIND, /* every log seems to sign for the future */
    STALENESS_SELF_CUT_OFF /* no log answers: our network, rather than all of them */
};

struct staleness_verdict {
    enum staleness_rule rule;
    bool well; /* neither stale nor about to be; an incident is over */
};

/* `watching_ms`: since when somebody has been watching without a break; before that, silence says nothing. */
enum staleness_self staleness_judge(const struct staleness_log *logs, size_t count, int64_t now_ms,
                                    int64_t watching_ms, struct staleness_verdict *verdicts);

int64_t staleness_limit_ms(int64_t mmd_s);
const char *staleness_rule_name(enum staleness_rule rule); /* "head_age", "smaller_head", ... */
const char *staleness_self_name(enum staleness_self self); /* "clock_ahead", "clock_behind", "cut_off" */

#endif
