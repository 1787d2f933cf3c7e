/* Manners towards one server, shared by all logs on it: how many requests at once, how many per second, and
 * until when it asked us to stay away. Owned by the fetch thread. */
#ifndef CTVIGIL_HOST_H
#define CTVIGIL_HOST_H

#include "base/err.h"
#include "base/limits.h"
#include "base/rate.h"

#define HOST_NAME_MAX_LEN 280

struct host {
    char name[HOST_NAME_MAX_LEN]; /* scheme, host and port of the URL */
    struct rate_bucket bucket;
    struct rate_backoff backoff;
    int64_t hold_until_ms;
    unsigned busy; /* requests for entries under way */
};

struct host_table {
    struct host *host[LIMIT_HOSTS];
    size_t count;
    double requests_per_s;
};

/* The host of a URL, made when new. NULL: out of memory or too many. */
struct host *host_of(struct host_table *table, const char *url, int64_t now_ms);
void host_free_all(struct host_table *table);

/* 0: a request may go out now (and counts against the rate); otherwise how long to wait. */
int64_t host_take(struct host *host, int64_t now_ms);
/* The same without taking anything: how long a request would have to wait now. */
int64_t host_wait(const struct host *host, int64_t now_ms);
/* It answered 429 or 503; retry_after_ms < 0: not said when to come back. "At once"
 * counts as not said, and nothing is waited longer than LIMIT_RETRY_AFTER_MS. */
void host_hold(struct host *host, int64_t now_ms, int64_t retry_after_ms);
void host_well(struct host *host); /* it answered */

#endif
