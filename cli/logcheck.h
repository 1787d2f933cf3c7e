/* What is not as it should be with a log, and what to do about it: `log status --check`. */
#ifndef CTVIGIL_LOGCHECK_H
#define CTVIGIL_LOGCHECK_H

#include <stdio.h>

#include "db/db_log.h"

/* A log may have any number of these. One that is not followed, or came to its end, only has the first
 * three. */
enum logcheck {
    LOGCHECK_INCONSISTENT = 1 << 0, /* it contradicted itself */
    LOGCHECK_LOST = 1 << 1,         /* its tail was never seen */
    LOGCHECK_FINAL = 1 << 2,        /* its final tree is not proven */
    LOGCHECK_BEHIND = 1 << 3,       /* not all is read of a head known for LIMIT_HEAD_DUE_S, */
    LOGCHECK_UNVERIFIED = 1 << 4,   /* or verified */
    LOGCHECK_UNPROVEN = 1 << 5,     /* smaller signed heads that it does not prove */
    LOGCHECK_FUTURE = 1 << 6,       /* a head signed for a time to come */
    LOGCHECK_GONE = 1 << 7,         /* it shows smaller heads for longer than its merge delay */
    LOGCHECK_NEVER = 1 << 8,        /* it never showed a head */
    LOGCHECK_OLD = 1 << 9,          /* its newest head is old */
    LOGCHECK_ERROR = 1 << 10,       /* the last try failed */
    LOGCHECK_NOT_STORED = 1 << 11,  /* matched and not stored: the disk was nearly full, or it was damaged */
};

/* The reasons; 0: nobody has to do anything. */
unsigned logcheck_of(const struct db_log_status *row, int64_t now_ms);
/* One line for each: the log, what it is, what to do. */
void logcheck_tell(FILE *out, const struct db_log_status *row, unsigned reasons);

#endif
