#include "ingest/host.h"

#include <stdlib.h>
#include <strings.h>

#include "base/hash.h"

#define HOLD_MS_MIN 1000
#define HOLD_MS_MAX 300000

static size_t authority_len(const char *url)
{
    const char *start = strstr(url, "://");
    start = start == NULL ? url : start + 3;
    size_t len = (size_t)(start - url) + strcspn(start, "/?#");
    return len < HOST_NAME_MAX_LEN ? len : HOST_NAME_MAX_LEN - 1;
}

struct host *host_of(struct host_table *table, const char *url, int64_t now_ms)
{
    size_t len = authority_len(url);
    for (size_t i = 0; i < table->count; i++) {
        struct host *host = table->host[i];
        if (strncasecmp(host->name, url, len) == 0 && host->name[len] == '\0')
            return host;
    }
    struct host *host = table->count < LIMIT_HOSTS ? calloc(1, sizeof(*host)) : NULL;
    if (host == NULL)
        return NULL;
    memcpy(host->name, url, len);
    uint64_t seed;
    hash_random(&seed, sizeof(seed));
    rate_backoff_init(&host->backoff, HOLD_MS_MIN, HOLD_MS_MAX, seed);
    double burst = table->requests_per_s < 1 ? 1 : table->requests_per_s;
    rate_bucket_init(&host->bucket, table->requests_per_s, burst, now_ms);
    table->host[table->count++] = host;
    return host;
}

void host_free_all(struct host_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->host[i]);
    table->count = 0;
}

int64_t host_wait(const struct host *host, int64_t now_ms)
{
    struct rate_bucket copy = host->bucket;
    if (now_ms < host->hold_until_ms)
        return host->hold_until_ms - now_ms;
    return rate_bucket_take(&copy, now_ms);
}

int64_t host_take(struct host *host, int64_t now_ms)
{
    if (now_ms < host->hold_until_ms)
        return host->hold_until_ms - now_ms;
    return rate_bucket_take(&host->bucket, now_ms);
}

void host_hold(struct host *host, int64_t now_ms, int64_t retry_after_ms)
{
    /* Requests already under way fail together; that is one refusal, not several. */
    if (retry_after_ms < HOLD_MS_MIN / 2 && now_ms < host->hold_until_ms)
        return;
    /* "Come back at once" from a server that has just refused is not taken at its word. */
    int64_t wait_ms = retry_after_ms >= HOLD_MS_MIN / 2 ? retry_after_ms : rate_backoff_next(&host->backoff);
    if (wait_ms > LIMIT_RETRY_AFTER_MS)
        wait_ms = LIMIT_RETRY_AFTER_MS;
    if (now_ms + wait_ms > host->hold_until_ms)
        host->hold_until_ms = now_ms + wait_ms;
}

void host_well(struct host *host)
{
    rate_backoff_reset(&host->backoff);
}
