/* One entry of a log, read again from a command: by get-entries or by its data tile, as the log has it.
 * Within what its operator allows: the same budget, Retry-After and connections as everybody who reads that
 * operator over this database (host.h, pacer.h). Nothing is believed: whoever asks knows a hash, and
 * compares. */
#ifndef CTVIGIL_REFETCH_H
#define CTVIGIL_REFETCH_H

#include "base/err.h"
#include "db/store.h"
#include "model/batch.h"

#define REFETCH_WAIT_MS INT64_C(60000) /* for one document, the operator's wishes included */

struct refetch_options {
    const char *user_agent;
    const char *source_addresses; /* as in struct pipe_options */
    const char *http2;
    const char *no_keepalive;
    double requests_per_s;
    int64_t wait_ms; /* 0: REFETCH_WAIT_MS */
    /* Makes a store for the budgets; NULL: they are our own. */
    enum err_code (*store_open)(void *arg, struct store **store, struct err *why);
    void *store_arg;
    bool (*stopping)(void); /* NULL: never */
};

struct refetch;

MUST_USE enum err_code refetch_new(const struct refetch_options *options, struct refetch **refetch,
                                   struct err *why);
void refetch_free(struct refetch *refetch); /* NULL is fine */

/* Entry `index`, decoded and examined (examine.h); it lives until the next call. `log_size`: of a head that
 * the log signed, for the width of its last tile; one that is too small or too large is made up for.
 * ERR_UNSUPPORTED: there is no server (an archive). ERR_HTTP_BUSY: the operator wants to be left alone for
 * longer than wait_ms. */
MUST_USE enum err_code refetch_entry(struct refetch *refetch, const struct ctlog *log, uint64_t index,
                                     uint64_t log_size, const struct entry **entry, struct err *why);

#endif
