/* How commands and keepers ask logs beside the pipeline: within the budgets that all processes share
 * (ingest/courtesy.h), from the configured addresses, with the contact. */
#ifndef CTVIGIL_MANNERS_H
#define CTVIGIL_MANNERS_H

#include "base/conf.h"
#include "ingest/courtesy.h"
#include "model/head.h"

struct manners {
    struct courtesy courtesy; /* for courtesy_ask; points into the rest: not to be copied */
    struct sources sources;
    char user_agent[300];
};

/* What the configuration says; `dsn` NULL: the database of this command, which is open. After ERR_OK
 * manners_close ends it. */
MUST_USE enum err_code manners_open(struct manners *manners, const struct conf *conf, const char *dsn,
                                    struct err *why);
void manners_close(struct manners *manners);

/* The current head of a log, verified; wait_ms as in courtesy_ask. ERR_SIGNATURE, ERR_FORMAT: its key or
 * origin does not fit; class WORLD: it can not be asked now. */
MUST_USE enum err_code manners_head(const struct courtesy *courtesy, const struct ctlog *log, int64_t wait_ms,
                                    const atomic_bool *stop, struct head *head, struct err *why);

/* courtesy_ask_all with what the configuration says; `dsn` NULL: the database of this command, which is open.
 * A request without a turn within wait_ms ends with ERR_HTTP_BUSY, and nothing was asked. */
MUST_USE enum err_code manners_ask(const struct conf *conf, const char *dsn, const struct ctlog *const *logs,
                                   struct ask *asks, size_t count, int64_t wait_ms, const atomic_bool *stop,
                                   struct err *why);

#endif
