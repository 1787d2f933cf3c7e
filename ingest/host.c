#include "ingest/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/say.h"
#include "ingest/opkey.h"

#define FULL_WAIT_MS  100
#define GROW_AFTER_MS 1000  /* when all connections were busy for so long one more is tried, */
#define QUIET_MS      60000 /* unless one failed within this time */
#define ALIVE_MS      10000 /* a server that answered so recently lives */
#define BREAKS_HTTP2  3     /* so many in a row while one lives: it wants only one */
#define SHUN_FAILURES 3
#define SHUN_MS       60000

static size_t authority_len(const char *url)
{
    const char *start = strstr(url, "://");
    start = start == NULL ? url : start + 3;
    size_t len = (size_t)(start - url) + strcspn(start, "/?#");
    return len < HOST_NAME_MAX_LEN ? len : HOST_NAME_MAX_LEN - 1;
}

static struct host *find(const struct host_table *table, const char *url, size_t len,
                         const char *operator_key)
{
    for (size_t i = 0; i < table->count; i++) {
        struct host *host = table->host[i];
        if (strncasecmp(host->name, url, len) == 0 && host->name[len] == '\0' &&
            strcmp(host->operator_key, operator_key) == 0)
            return host;
    }
    return NULL;
}

static bool sources_fill(const struct host_table *table, struct host *host, const char *url)
{
    for (size_t i = 0; i < table->sources->count; i++) {
        const char *name = table->sources->name[i];
        host->source[i].name = name;
        host->source[i].budget = pacer_budget(table->pacer, host->operator_key, name, url);
        if (host->source[i].budget == NULL)
            return false;
    }
    host->source_count = table->sources->count;
    host->pacer = table->pacer;
    return true;
}

struct host *host_of(struct host_table *table, const struct ctlog *log, int64_t now_ms)
{
    char operator_key[PACE_OPERATOR_MAX];
    size_t len = authority_len(log->url);
    opkey_of(log->operator_key, log->url, operator_key);
    struct host *host = find(table, log->url, len, operator_key);
    if (host != NULL)
        return host;
    host = table->count < LIMIT_HOSTS ? calloc(1, sizeof(*host)) : NULL;
    if (host == NULL)
        return NULL;
    memcpy(host->name, log->url, len);
    (void)snprintf(host->operator_key, sizeof(host->operator_key), "%s", operator_key);
    if (!sources_fill(table, host, log->url)) {
        free(host);
        return NULL;
    }
    const struct opkey_known *known = opkey_known(operator_key);
    host->secure = strncasecmp(log->url, "https:", 6) == 0;
    host->http2 = opkey_listed(table->http2, operator_key) || (known != NULL && known->http2);
    host->fresh = opkey_listed(table->no_keepalive, operator_key);
    host->connections = table->connections < HOST_CONNECTIONS ? table->connections : HOST_CONNECTIONS;
    host->connections_max =
        4 * host->connections < HOST_CONNECTIONS ? 4 * host->connections : HOST_CONNECTIONS;
    host->trouble_ms = now_ms - QUIET_MS;
    host->well_ms = now_ms - ALIVE_MS;
    table->host[table->count++] = host;
    return host;
}

void host_free_all(struct host_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->host[i]);
    table->count = 0;
}

/* Over HTTP/2 one connection carries many requests. */
static unsigned room(const struct host *host)
{
    return host->http2 && host->secure ? HOST_CONNECTIONS : host->connections;
}

/* The least wait of all addresses, and whose it is; those from which it was not reached of late come last. */
static int64_t best(struct host *host, bool head, size_t *which, int64_t now_ms)
{
    int64_t least_ms = INT64_MAX;
    bool least_shunned = true;
    for (size_t i = 0; i < host->source_count; i++) {
        size_t at = (host->turn + i) % host->source_count;
        struct host_source *source = &host->source[at];
        bool shunned = source->shunned_ms > now_ms;
        int64_t wait_ms =
            head ? budget_wait_head(source->budget, now_ms) : budget_wait(source->budget, now_ms);
        if (shunned && !least_shunned)
            continue;
        if (least_ms != INT64_MAX && wait_ms >= least_ms && shunned == least_shunned)
            continue;
        least_ms = wait_ms;
        least_shunned = shunned;
        *which = at;
    }
    return least_ms;
}

/* More could be asked for than connections allow: slow answers, not limits, hold us back. */
static void full(struct host *host, int64_t now_ms)
{
    if (host->full_ms == 0)
        host->full_ms = now_ms;
    if (now_ms - host->full_ms < GROW_AFTER_MS || now_ms - host->trouble_ms < QUIET_MS ||
        host->connections >= host->connections_max)
        return;
    host->connections++;
    host->full_ms = now_ms;
}

int64_t host_wait(struct host *host, bool spare, int64_t now_ms)
{
    size_t which = 0;
    unsigned most = room(host);
    if (host->busy + (spare && most > 1 ? 1 : 0) < most) {
        host->full_ms = 0;
        return best(host, false, &which, now_ms);
    }
    if (host_hold_until(host) <= now_ms)
        full(host, now_ms);
    return FULL_WAIT_MS;
}

int64_t host_wait_head(struct host *host, int64_t now_ms)
{
    size_t which = 0;
    if (host->busy > room(host)) /* one more than entries may use */
        return FULL_WAIT_MS;
    return best(host, true, &which, now_ms);
}

int64_t host_hold_until(const struct host *host)
{
    int64_t least_ms = INT64_MAX;
    for (size_t i = 0; i < host->source_count; i++) {
        int64_t until_ms = budget_hold_until(host->source[i].budget);
        least_ms = until_ms < least_ms ? until_ms : least_ms;
    }
    return least_ms;
}

void host_send(struct host *host, struct wire_ask *ask, bool head, struct host_permit *permit, int64_t now_ms)
{
    size_t which = host->turn % host->source_count;
    bool fresh = false;
    (void)best(host, head, &which, now_ms);
    struct host_source *source = &host->source[which];
    budget_take(source->budget, head, now_ms, &fresh);
    *permit = (struct host_permit){.host = host, .source = which, .sent_ms = now_ms};
    ask->source = source->name;
    ask->http2 = host->http2 && host->secure;
    ask->fresh = ask->fresh || ((fresh || host->fresh) && !ask->http2);
    host->turn = which + 1;
    host->busy++;
}

/* A connection failed. While others live that says how many the server wants. */
static void broken(struct host *host, struct host_source *source, int64_t now_ms)
{
    host->trouble_ms = now_ms;
    if (++source->failures >= SHUN_FAILURES && host->source_count > 1)
        source->shunned_ms = now_ms + SHUN_MS;
    if (now_ms - host->well_ms > ALIVE_MS || host->busy == 0)
        return;
    host->breaks++;
    if (host->connections > 1)
        host->connections = host->connections / 2;
    if (host->breaks < BREAKS_HTTP2 || host->connections > 1 || host->http2 || !host->secure)
        return;
    host->http2 = true;
    say_info("pace", "%s takes no second connection: asked over HTTP/2 from now on", host->name);
}

static void well(struct host *host, struct host_source *source, int64_t now_ms)
{
    host->well_ms = now_ms;
    source->failures = 0;
    source->shunned_ms = 0;
    if (now_ms - host->trouble_ms > QUIET_MS)
        host->breaks = 0;
}

void host_unsent(const struct host_permit *permit)
{
    must(permit->host->busy > 0);
    permit->host->busy--;
}

void host_answer(const struct host_permit *permit, const struct wire_reply *reply, int64_t now_ms)
{
    struct host *host = permit->host;
    struct host_source *source = &host->source[permit->source];
    enum budget_answer answer = BUDGET_GOOD;
    must(host->busy > 0);
    host->busy--;
    if (reply->given_up)
        answer = BUDGET_NEITHER;
    else if (reply->code == ERR_HTTP_BUSY || reply->code == ERR_TIMEOUT)
        answer = BUDGET_REFUSED;
    else if (reply->code == ERR_NETWORK && reply->status == 0)
        answer = BUDGET_NEITHER; /* never connected, or hung up before a word */
    if (answer == BUDGET_GOOD)
        well(host, source, now_ms);
    else if (answer == BUDGET_NEITHER && !reply->given_up)
        broken(host, source, now_ms);
    if (budget_heard(source->budget, answer, permit->sent_ms, reply->retry_after_ms, now_ms))
        pacer_hurry(host->pacer);
}
