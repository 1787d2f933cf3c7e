/* Manners towards one server: how many requests at once, over what kind of connections, and from which of our
 * addresses the next one goes out. How fast is the business of the operator's budgets (budget.h), which all
 * its servers share. Owned by the fetch thread. */
#ifndef CTVIGIL_HOST_H
#define CTVIGIL_HOST_H

#include "base/err.h"
#include "base/limits.h"
#include "ingest/pacer.h"
#include "ingest/sources.h"
#include "ingest/wire.h"

#define HOST_NAME_MAX_LEN 280
#define HOST_CONNECTIONS  32 /* most that are ever opened to one server */

struct host {
    char name[HOST_NAME_MAX_LEN]; /* scheme, host and port of the URL */
    char operator_key[PACE_OPERATOR_MAX];
    struct host_source {
        struct budget *budget;
        const char *name;
        unsigned failures;  /* of connections, in a row */
        int64_t shunned_ms; /* until then others are preferred */
    } source[SOURCES_MAX];
    size_t source_count;
    size_t turn;
    unsigned busy;        /* requests under way */
    unsigned connections; /* as many may be now */
    unsigned connections_max;
    unsigned breaks; /* connections that failed while others lived, without a good while in between */
    int64_t full_ms; /* since when more could be asked for than connections allow; 0: they suffice */
    int64_t trouble_ms;
    int64_t well_ms; /* the last good answer */
    bool secure;
    bool http2;
    bool fresh; /* every request over a connection of its own, because somebody said so */
    struct pacer *pacer;
};

struct host_table {
    struct host *host[LIMIT_HOSTS];
    size_t count;
    struct pacer *pacer;
    const struct sources *sources;
    unsigned connections;     /* at first */
    const char *http2;        /* operators that are asked over HTTP/2 */
    const char *no_keepalive; /* and those for which connections are not kept */
};

/* One request under way. */
struct host_permit {
    struct host *host;
    size_t source;
    int64_t sent_ms;
};

/* The server of a log, made when new. NULL: out of memory or too many. */
struct host *host_of(struct host_table *table, const struct ctlog *log, int64_t now_ms);
void host_free_all(struct host_table *table); /* before the pacer */

/* 0: a request may go out now; otherwise how long to wait. Nothing is taken. `spare`: one connection, of
 * several, is left to others. */
int64_t host_wait(struct host *host, bool spare, int64_t now_ms);
/* The same for heads of trees (budget_wait_head). */
int64_t host_wait_head(struct host *host, int64_t now_ms);
/* Until when no address may ask it; in the past: they may. */
int64_t host_hold_until(const struct host *host);
/* Before every request: fills in of `ask` how it goes out, and counts it. */
void host_send(struct host *host, struct wire_ask *ask, bool head, struct host_permit *permit,
               int64_t now_ms);
/* After it, whatever came of it. */
void host_answer(const struct host_permit *permit, const struct wire_reply *reply, int64_t now_ms);
/* Instead of it: the request never went out. */
void host_unsent(const struct host_permit *permit);

#endif
