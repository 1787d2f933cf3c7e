/* How fast we may ask: a token bucket, a backoff with jitter, and Retry-After (RFC 9110 section 10.2.3) in
 * both forms. Pure arithmetic over a `now_ms` the caller brings (monotonic). */
#ifndef CTVIGIL_RATE_H
#define CTVIGIL_RATE_H

#include "base/span.h"

struct rate_bucket {
    double tokens;
    double per_s; /* 0: no limit */
    double burst;
    int64_t at_ms;
};

struct rate_backoff {
    int64_t wait_ms; /* the last wait given; 0 after rate_backoff_reset */
    int64_t wait_ms_min;
    int64_t wait_ms_max;
    uint64_t seed;
};

void rate_bucket_init(struct rate_bucket *bucket, double per_s, double burst, int64_t now_ms);
/* Takes a token and returns 0, or takes none and returns how many ms to wait before the next try. */
int64_t rate_bucket_take(struct rate_bucket *bucket, int64_t now_ms);
/* Takes `amount`, which has come to pass whether there were tokens or not; returns how many ms it takes until
 * that is paid off; 0: it is. */
int64_t rate_bucket_spend(struct rate_bucket *bucket, int64_t now_ms, double amount);

void rate_backoff_init(struct rate_backoff *backoff, int64_t wait_ms_min, int64_t wait_ms_max, uint64_t seed);
/* The next wait: doubles up to the ceiling, with a jitter of plus or minus a quarter. */
int64_t rate_backoff_next(struct rate_backoff *backoff);
void rate_backoff_reset(struct rate_backoff *backoff);

/* Milliseconds to wait for a Retry-After value of delta-seconds or an HTTP-date, seen at wall time
 * `now_wall_ms`; in [0, wait_ms_max]. -1: unreadable. */
int64_t rate_retry_after_ms(struct span value, int64_t now_wall_ms, int64_t wait_ms_max);

#endif
