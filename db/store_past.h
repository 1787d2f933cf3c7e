/* PRIVATE TO db/. A log whose interval lies in the past holds nothing but what expired. While there is much
 * of it to be read, it is put down like an import (store_load.h): no search finds it until whoever looks
 * after partitions has put it into its partitions, which he does when all of it is there, and a few times a
 * day: then writers let him begin, however late he comes. */
#ifndef CTVIGIL_STORE_PAST_H
#define CTVIGIL_STORE_PAST_H

#include "base/limits.h"
#include "db/pgexec.h"

struct store_past_log {
    int32_t log_id;
    bool load;
    int64_t looked_ms;
};

struct store_past {
    int64_t days;     /* that the end of the interval must be past; 0: no log is one */
    uint64_t entries; /* that there must be left to begin with it */
    struct store_past_log logs[LIMIT_FOLLOWS];
    size_t count;
    int64_t before_ms; /* what expired before this is put down */
    int64_t looked_ms; /* for that */
    bool held;         /* that rows keep coming (db_load_hold), by this session */
    int64_t put_ms;    /* when the last ones came */
    int64_t asked_ms;  /* whether a break that is over was missed, and it was; INT64_MIN: it was not */
};

/* Before a commit of entries of the log, outside of its transaction. *before_ms: what expired before it is to
 * be put down; PGSTORE_LOAD_NOTHING: nothing. */
MUST_USE enum err_code store_past_choose(struct store_past *past, struct pgconn *conn, int32_t log_id,
                                         int64_t wall_ms, int64_t *before_ms, struct err *why);
/* Now and then, outside of transactions: lets those begin who put rows into their partitions, when none came
 * for a while, and a few times a day. */
void store_past_rest(struct store_past *past, struct pgconn *conn, int64_t wall_ms);

#endif
