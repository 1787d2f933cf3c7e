/* Keeps the budgets (budget.h) filled: one thread with a store of its own moves the records that all
 * processes share, a few times a second, so that a refusal or a Retry-After that one of them meets holds all
 * of them. Without a database that keeps such records each process has its own. */
#ifndef CTVIGIL_PACER_H
#define CTVIGIL_PACER_H

#include "db/store.h"
#include "ingest/budget.h"

struct pacer;

struct pacer_options {
    enum err_code (*store_open)(void *arg, struct store **store,
                                struct err *why); /* NULL: records are our own */
    void *store_arg;
    double requests_per_s; /* ceiling for every operator and address; 0: none */
    /* Called from the pacer's thread when somebody who waited need not any more, and once a second or so with
     * its store (NULL: none) for what else is to be kept. May be NULL. */
    void (*filled)(void *arg);
    void (*spare)(void *arg, struct store *store);
    void *arg;
};

/* NULL: out of memory. */
MUST_USE struct pacer *pacer_new(const struct pacer_options *options);
/* Starts its thread; until then, and after pacer_stop, budgets go on by themselves. */
void pacer_start(struct pacer *pacer);
void pacer_stop(struct pacer *pacer);
void pacer_free(struct pacer *pacer); /* stopped; NULL is fine. All budgets go with it */

/* Within what an operator is asked, `url` being of a log of it; requests_per_s as in the options. */
struct tempo_bounds pacer_bounds(const char *operator_key, const char *url, double requests_per_s);
/* The budget of an operator and an address, made when new; `url` of a log of it. NULL: out of memory, or too
 * many. */
struct budget *pacer_budget(struct pacer *pacer, const char *operator_key, const char *source,
                            const char *url);
/* A refusal was heard: the others are to know at once. */
void pacer_hurry(struct pacer *pacer);

#endif
