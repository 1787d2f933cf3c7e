/* A few documents by HTTP, waited for: for threads that have nothing else to do and may be told to end. Over
 * ingest/wire.h, so with its ceilings, without redirects and without retries. */
#ifndef CTVIGIL_ASK_H
#define CTVIGIL_ASK_H

#include <stdatomic.h>

#include "ingest/wire.h"

#define ASK_TOGETHER 16 /* requests under way at once */

struct ask {
    const char *url;
    const char *etag;   /* "": none (wire_get_newer) */
    const char *source; /* as in struct wire_ask */
    size_t ceiling;
    /* The answer. */
    struct arena arena;
    enum err_code code; /* ERR_CLOSED: stopped before it came */
    long status;
    int64_t retry_after_ms; /* -1: not said */
    struct span body;       /* until ask_fini */
    char new_etag[WIRE_ETAG_MAX];
    struct err why;
    bool asked;
};

/* Fills the answers of all. `stop` may be NULL; once it is true nothing is waited for any more. A request
 * that takes longer than wait_ms is given up (ERR_TIMEOUT). */
MUST_USE enum err_code ask_all(const char *user_agent, struct ask *asks, size_t count, int64_t wait_ms,
                               const atomic_bool *stop, struct err *why);
void ask_fini(struct ask *asks, size_t count); /* frees the bodies */

#endif
