/* Backfill: issuances that expired, put down without any index by a store (store_pg_load), go into their
 * partitions: each is written anew once, sorted, with its indexes, while others write and ask (sql: load_*,
 * partition_*). Until then they are found by nothing. Every step is a transaction of its own; who is killed
 * is followed by somebody who begins with the partition again that was not put in its place. */
#ifndef CTVIGIL_DB_LOAD_H
#define CTVIGIL_DB_LOAD_H

#include <stdatomic.h>

#include "base/err.h"
#include "db/pgconn.h"

/* How many rows there are about, each entry's issuance counted as often as it was put down; 0: none for
 * certain. */
MUST_USE enum err_code db_load_waiting(struct pgconn *conn, int64_t *rows, struct err *why);

/* Rows keep coming: as long as `conn` has this nobody begins by himself (db_load_seal with idle_only).
 * Shared; kept until the connection ends. */
MUST_USE enum err_code db_load_hold(struct pgconn *conn, struct err *why);

/* No more. */
MUST_USE enum err_code db_load_let(struct pgconn *conn, struct err *why);

/* Told before each partition. */
typedef void db_load_told(void *arg, const char *partition, int64_t rows);

struct db_load_how {
    const atomic_bool *stop; /* may be NULL: never */
    db_load_told *told;      /* may be NULL */
    void *told_arg;
    int64_t wait_ms; /* for whoever else is rewriting partitions */
    /* Nothing is done while somebody holds db_load_hold, unless somebody waits (db_load_past). */
    bool idle_only;
};

/* All that is waiting. On a connection for nothing else. A value that is damaged is put aside, and its
 * entries are to be read again: that is said as an error, and is none (db_load_bad). ERR_CLOSED: `stop`
 * turned true; ERR_DB_CONFLICT: others were at the partitions for too long. What was not done stays as it
 * was. A partition that can not be written, as of a damaged value of which nobody knows the entries, does not
 * hold up the others: the error is that of the first. */
MUST_USE enum err_code db_load_seal(struct pgconn *conn, const struct db_load_how *how, struct err *why);

/* What was damaged and is not read again yet: how many values, and of how many entries. */
MUST_USE enum err_code db_load_bad(struct pgconn *conn, int64_t *values, int64_t *entries, struct err *why);
/* The first stretch [*begin, *end) of the log from `at` on that is to be read again for it and that nobody
 * has begun with; *end 0: there is none. */
MUST_USE enum err_code db_load_gap(struct pgconn *conn, int32_t log_id, uint64_t at, uint64_t *begin,
                                   uint64_t *end, struct err *why);
/* Forgets what was read again some weeks ago. */
MUST_USE enum err_code db_load_tidy(struct pgconn *conn, struct err *why);

/* The same over a connection of its own, for those who must see every row before they look; nothing, and at
 * once, when nothing waits. May take minutes; `stop` as above. */
MUST_USE enum err_code db_load_settle(struct pgconn *conn, const atomic_bool *stop, struct err *why);
/* For those who look at what is there in any case: where waiting mends nothing, as of a damaged value, the
 * reason goes into `left`, which is empty, and ERR_OK is returned. */
MUST_USE enum err_code db_load_settle_most(struct pgconn *conn, const atomic_bool *stop, struct err *left,
                                           struct err *why);
/* What they return behind that, all else having been looked at: ERR_OK when `left` is empty, or ERR_DB_PART.
 */
MUST_USE enum err_code db_load_left(const struct err *left, struct err *why);
/* For those who must see the rows of the entries [begin, end) of a log and have no time: ERR_DB_LATER, at
 * once, when any of them may still wait; whoever looks after partitions then puts everything in its place
 * soon (db_load_seal), also while more is coming. Outside of transactions. */
MUST_USE enum err_code db_load_past(struct pgconn *conn, int32_t log_id, uint64_t begin, uint64_t end,
                                    struct err *why);

#endif
