/* How much is stored under the keys of registered domains, for many of them in one statement: the scan of
 * their history (db/db_domain.h) then reads only where there is something. */
#ifndef CTVIGIL_DB_HISTORY_SIZE_H
#define CTVIGIL_DB_HISTORY_SIZE_H

#include <stdatomic.h>

#include "base/err.h"
#include "db/pgconn.h"
#include "model/watch.h"

/* Each counted up to a limit. */
struct db_history_key {
    int64_t key;
    int64_t own;     /* certificates that stand under it */
    int64_t further; /* those that stand under another key, too */
};

/* Those keys that have something, by key; all others have nothing that was committed before the count. */
struct db_history_size {
    struct db_history_key *at;
    size_t count;
    struct err left; /* why rows that a backfill put down are not among them (db_load_settle_most) */
};

/* Counts, up to `most` each, what is under the keys of the watches and under those of what could be
 * anybody's; db_history_size_free. `stop` (may be NULL) as for db_domain_history. */
MUST_USE enum err_code db_history_size_load(struct pgconn *conn, const struct watch *watches, size_t count,
                                            int64_t most, const atomic_bool *stop,
                                            struct db_history_size *size, struct err *why);
void db_history_size_free(struct db_history_size *size);
/* NULL: nothing is stored under it. */
const struct db_history_key *db_history_size_find(const struct db_history_size *size, int64_t key);
/* About how many certificates may concern the watch; what no index finds counts as `most`. */
MUST_USE enum err_code db_history_size_of(struct pgconn *conn, const struct db_history_size *size,
                                          const struct watch *watch, int64_t most, int64_t *rows,
                                          struct err *why);
/* Whether others may have registrable domains of their own below the name: no key finds those. */
MUST_USE enum err_code db_history_size_below(struct pgconn *conn, const char *name, bool *has,
                                             struct err *why);

#endif
