/* One document of a log, beside the pipeline and within the same manners: a request of the budget that its
 * operator has with all our processes (pacer.h), and none while that operator asked to be left alone. What it
 * answers counts there, so a Retry-After it sends here holds everybody. For threads that can wait. */
#ifndef CTVIGIL_COURTESY_H
#define CTVIGIL_COURTESY_H

#include "db/store.h"
#include "ingest/ask.h"
#include "ingest/sources.h"

struct courtesy {
    struct store *store; /* that keeps the records; one that keeps none, or NULL, allows everything */
    const char *user_agent;
    const struct sources *sources;
    double requests_per_s; /* ceiling, as in struct pacer_options */
};

/* Like ask_all for one `ask` at the log, whose answer it fills. A turn is waited for at most `wait_ms`, and
 * so is the answer. ERR_HTTP_BUSY in ask->code with status 0: no turn came in that time, nothing was asked.
 * An error is one of the store or our own. */
MUST_USE enum err_code courtesy_ask(const struct courtesy *courtesy, const struct ctlog *log, struct ask *ask,
                                    int64_t wait_ms, const atomic_bool *stop, struct err *why);

/* The same for `count` logs at once, asks[i] at logs[i], each with a turn of its own operator's budget: all
 * wait `wait_ms` together for their turns, then as long for their answers. */
MUST_USE enum err_code courtesy_ask_all(const struct courtesy *courtesy, const struct ctlog *const *logs,
                                        struct ask *asks, size_t count, int64_t wait_ms,
                                        const atomic_bool *stop, struct err *why);

#endif
