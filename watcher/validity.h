/* How long may a certificate be valid? The schedule of the CA/Browser Forum Baseline Requirements 6.3.2 by
 * notBefore (protocol.md 5.2); lengths are inclusive and any started day counts. Pure. */
#ifndef CTVIGIL_VALIDITY_H
#define CTVIGIL_VALIDITY_H

#include "base/base.h"

#define VALIDITY_NO_LIMIT 0

/* Longest allowed validity in days for a certificate with this notBefore (Unix seconds). The oldest rules
 * count in calendar months: from a date to the same date so many months later, that date included. */
int64_t validity_days_max(int64_t not_before);
/* How many months those days are by the rule; 0: it counts in days, or there is none. */
int validity_months_max(int64_t not_before);
/* Inclusive length in days, any excess second counting as one more day. 0 when notAfter < notBefore. */
int64_t validity_days(int64_t not_before, int64_t not_after);

#endif
