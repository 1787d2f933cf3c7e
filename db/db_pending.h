/* Domains whose history is still to be scanned (domain.history_at is NULL): registered by a command that was
 * cut off, or put into the table by somebody else. */
#ifndef CTVIGIL_DB_PENDING_H
#define CTVIGIL_DB_PENDING_H

#include "base/err.h"
#include "db/pgconn.h"

/* The pending domain with the smallest id above `after`; *id 0: there is none. */
MUST_USE enum err_code db_pending_next(struct pgconn *conn, int64_t after, int64_t *id, struct err *why);
MUST_USE enum err_code db_pending_is(struct pgconn *conn, int64_t id, bool *pending, struct err *why);

/* Who scans the history of a domain holds this advisory lock, so that two do not do the same work; it is the
 * connection's and goes with it. `wait`: until it is free; else *taken tells. The same connection may take it
 * more than once and has to give it back as often. */
MUST_USE enum err_code db_pending_lock(struct pgconn *conn, const char *name, bool wait, bool *taken,
                                       struct err *why);
MUST_USE enum err_code db_pending_unlock(struct pgconn *conn, const char *name, struct err *why);

#endif
