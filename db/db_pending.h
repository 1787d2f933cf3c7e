/* Domains whose history is still to be scanned (domain.history_at is NULL): registered by a command that was
 * cut off, or put into the table by somebody else. */
#ifndef CTVIGIL_DB_PENDING_H
#define CTVIGIL_DB_PENDING_H

#include "base/err.h"
#include "db/db_domain.h"

#define DB_PENDING_MOST 4096
/* The pending domains with the smallest ids above `after` that no other connection has the lock of, into room
 * for DB_PENDING_MOST. */
MUST_USE enum err_code db_pending_list(struct pgconn *conn, int64_t after, int64_t *ids, size_t *count,
                                       struct err *why);
MUST_USE enum err_code db_pending_any(struct pgconn *conn, bool *any, struct err *why);
struct db_pending_progress {
    uint64_t all;    /* registered domains */
    uint64_t left;   /* of these, pending ones */
    uint64_t minute; /* whose scan was done within the last minute */
};
MUST_USE enum err_code db_pending_progress(struct pgconn *conn, struct db_pending_progress *progress,
                                           struct err *why);
/* db_domain_history_done for many. `done`, room for `count`: the ids of those that were marked, in no order;
 * not one whose row somebody is changing. */
MUST_USE enum err_code db_pending_done(struct pgconn *conn, const struct watch *const *watches, size_t count,
                                       int64_t *done, size_t *done_count, struct err *why);
enum db_pending_state {
    DB_PENDING_NOT, /* or it is gone */
    DB_PENDING_YES,
    DB_PENDING_CHANGED /* with rules that are others than those of the watch */
};
MUST_USE enum err_code db_pending_is(struct pgconn *conn, const struct watch *watch,
                                     enum db_pending_state *state, struct err *why);

/* Where to go on with a domain whose scan is done a piece at a time (table domain_place): at the beginning
 * when its rules, the public suffix list or the schema are others than they were. It goes when the scan is
 * done (db_domain_history_done). Nothing is kept when they changed since db_pending_place, back again or not:
 * the scan that came that far went by the old ones. */
MUST_USE enum err_code db_pending_place(struct pgconn *conn, int64_t id,
                                        struct db_domain_history_place *place, struct err *why);
MUST_USE enum err_code db_pending_keep(struct pgconn *conn, const struct watch *watch,
                                       const struct db_domain_history_place *place, struct err *why);

/* Whoever scans many domains in one pass holds this one, and no lock of theirs. */
#define DB_PENDING_MANY "the history of many domains"
/* Who scans the history of a domain holds this advisory lock, so that two do not do the same work; it is the
 * connection's and goes with it. `wait`: until it is free; else *taken tells. The same connection may take it
 * more than once and has to give it back as often. */
MUST_USE enum err_code db_pending_lock(struct pgconn *conn, const char *name, bool wait, bool *taken,
                                       struct err *why);
MUST_USE enum err_code db_pending_unlock(struct pgconn *conn, const char *name, struct err *why);

#endif
