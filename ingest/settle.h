/* Settling: replies in log order become rows, alerts and a new position in one transaction; the rebuilt tree
 * is compared with every signed head on the way. The only place that moves a position. A settler owns its
 * store and the logs given to it; reread.c (suspect stretches) and evidence.c work on its thread. */
#ifndef CTVIGIL_SETTLE_H
#define CTVIGIL_SETTLE_H

#include "ingest/plant.h"

struct settle {
    struct plant *plant;
    unsigned index;
    struct store *store;
    struct arena arena; /* scratch, for issuer certificates */
    unsigned mends;     /* logs whose repair is open, each on a store of its own */
    struct rate_backoff backoff;
    int64_t alive_ms; /* the store was last used for nothing but to keep its connection */
    size_t look_at;   /* the log whose turn it is then */
};

MUST_USE enum err_code settle_init(struct settle *settle, struct plant *plant, unsigned index,
                                   struct err *why);
void settle_fini(struct settle *settle);

/* Runs until its queue is closed and everything that can be settled is. `arg` is the settler. */
void settle_run(void *arg);

/* For reread.c: true when the call should be made again (the database was away and the wait is over). */
MUST_USE bool settle_again(struct settle *settle, enum err_code code, const struct err *why);
/* Gives the range up and forgets everything about it; tries to take it again after wait_ms. Nothing is lost:
 * what was not committed is read again. */
void settle_let_go(struct settle *settle, struct follow *follow, int64_t wait_ms);
/* A verified position without new rows; `frontier` is that of range.next. */
MUST_USE enum err_code settle_verified(struct settle *settle, struct follow *follow,
                                       const struct compact *verified, const struct compact *frontier,
                                       const struct head *head, struct err *why);
/* The store refused for good: for people to see, and counted; with `once` the log is given up in the end. */
void settle_refused(struct settle *settle, struct follow *follow, const struct err *why);
/* The same, and the range is let go and read again later. */
void settle_failed(struct settle *settle, struct follow *follow, const struct err *why);

#endif
