/* HTTP GET for many hosts on one thread: one curl multi handle. Bodies land in the caller's arena as they
 * arrive, bounded; nothing is decoded here (gzip bodies stay gzip). No redirects, TLS verified, HTTP/1.1
 * connections kept. It does not retry and knows neither logs nor batches. One thread; only wire_wake may be
 * called from others. */
#ifndef CTVIGIL_WIRE_H
#define CTVIGIL_WIRE_H

#include "base/arena.h"
#include "base/err.h"

#define WIRE_CONNECT_MS  10000
#define WIRE_STALL_S     30              /* this long below WIRE_STALL_BYTES a second ends a transfer */
#define WIRE_STALL_BYTES 512             /* the slowest reply worth having: a page of 300 kB in ten minutes */
#define WIRE_TOTAL_MS    INT64_C(600000) /* a trickle ends here */

#define WIRE_ETAG_MAX 256

struct wire;

struct wire_reply {
    enum err_code code;     /* ERR_OK: status 200 and a whole body, or 304 after wire_get_newer */
    long status;            /* 0: none came */
    int64_t retry_after_ms; /* -1: not said; at most LIMIT_RETRY_AFTER_MS */
    struct span body;       /* the last allocation of the arena */
    bool given_up;          /* by us: wire_drop, wire_cancel */
    const char *etag;       /* as the server named this body, until `done` returns; "": it did not */
    struct err why;
};

struct wire_ask {
    const char *url;
    struct arena *arena; /* the caller's, until `done` was called */
    size_t ceiling;      /* longest body; more is ERR_TOO_BIG */
    bool fresh;          /* over a new connection, which is not kept */
    bool gzip;           /* the server may answer with a gzip body, which is left as it is */
    void (*done)(void *arg, const struct wire_reply *reply); /* called from wire_turn or wire_cancel */
    void *arg;
    const char *source; /* local address or interface to ask from, as in ingest/sources.h; NULL, "": any.
                           Connections of different ones are never shared. Alive until `done` */
    bool http2;         /* where the server speaks it, over one connection with others (https:// only) */
};

/* `connections` per host are kept. */
MUST_USE enum err_code wire_new(const char *user_agent, unsigned connections, struct wire **out,
                                struct err *why);
/* From now on the URLs of this source are answered by it, not by a server. What it points to must stay. */
struct local_source;
void wire_local(struct wire *wire, const struct local_source *source);
void wire_free(struct wire *wire); /* nothing may be under way */

MUST_USE enum err_code wire_get(struct wire *wire, const struct wire_ask *ask, struct err *why);
/* The same, unless the body is still the one that the server called `etag` ("": we have none): then the reply
 * has status 304 and an empty body. */
MUST_USE enum err_code wire_get_newer(struct wire *wire, const struct wire_ask *ask, const char *etag,
                                      struct err *why);
/* Moves everything under way along and waits up to wait_ms for something to happen. */
void wire_turn(struct wire *wire, int64_t wait_ms);
void wire_wake(struct wire *wire);
/* Ends everything under way that was asked for with this `arg`: ERR_TIMEOUT, because it took too long for
 * somebody. */
void wire_drop(struct wire *wire, const void *arg);
/* Ends everything under way with ERR_CLOSED. */
void wire_cancel(struct wire *wire);
unsigned wire_count(const struct wire *wire);
/* What came in so far, headers and bodies of replies as they were sent; without TLS and TCP around them. */
uint64_t wire_bytes(const struct wire *wire);

#endif
