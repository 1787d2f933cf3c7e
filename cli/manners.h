/* How commands and keepers ask logs beside the pipeline: within the budgets that all processes share
 * (ingest/courtesy.h), from the configured addresses, with the contact. */
#ifndef CTVIGIL_MANNERS_H
#define CTVIGIL_MANNERS_H

#include "base/conf.h"
#include "ingest/courtesy.h"

/* courtesy_ask_all with what the configuration says; `dsn` NULL: the database of this command, which is open.
 * A request without a turn within wait_ms ends with ERR_HTTP_BUSY, and nothing was asked. */
MUST_USE enum err_code manners_ask(const struct conf *conf, const char *dsn, const struct ctlog *const *logs,
                                   struct ask *asks, size_t count, int64_t wait_ms, const atomic_bool *stop,
                                   struct err *why);

#endif
