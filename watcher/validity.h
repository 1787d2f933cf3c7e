/* How long may a certificate be valid? The schedule of the CA/Browser Forum Baseline Requirements 6.3.2 by
 * notBefore (protocol.md 5.2); lengths are inclusive and any started day counts. Pure. */
#ifndef CTVIGIL_VALIDITY_H
#define CTVIGIL_VALIDITY_H

#include "base/base.h"

#define VALIDITY_NO_LIMIT 0

/* Longest allowed validity in days for a certificate with this notBefore (Unix seconds). Months of the oldest
 * rules count as 31 days, so nothing allowed is flagged. */
int64_t validity_days_max(int64_t not_before);
/* Inclusive length in days, any excess second counting as one more day. 0 when notAfter < notBefore. */
int64_t validity_days(int64_t not_before, int64_t not_after);

#endif
