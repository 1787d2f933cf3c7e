/* One connection to PostgreSQL: the only place that knows libpq beside the other files of db/. Not
 * thread-safe; a connection belongs to one thread. SQL is always a constant text with parameters, never built
 * from data. */
#ifndef CTVIGIL_PGCONN_H
#define CTVIGIL_PGCONN_H

#include "base/err.h"
#include "base/span.h"

struct pgconn;

/* Connects (TCP keepalives short, search_path and time zone fixed). ERR_DB_DOWN or ERR_CONFIG (unreadable
 * DSN, or a connection pooler between: advisory locks, temporary tables and settings need a session of one's
 * own); the text never contains a password. */
MUST_USE enum err_code pgconn_open(const char *dsn, struct pgconn **conn, struct err *why);
/* The same for who only reads: through a pooler in transaction mode as well (each statement is a transaction
 * with our settings, nothing is prepared), and from a streaming replica, which may cancel a statement that
 * reads what it has to change: that is tried again (db/replica.h). */
MUST_USE enum err_code pgconn_open_reader(const char *dsn, struct pgconn **conn, struct err *why);
/* Is that a connection string at all? Without connecting; ERR_CONFIG otherwise. */
MUST_USE enum err_code pgconn_check(const char *dsn, struct err *why);
void pgconn_free(struct pgconn *conn);
/* Connects again after ERR_DB_DOWN; prepared state is gone. */
MUST_USE enum err_code pgconn_reopen(struct pgconn *conn, struct err *why);

#endif
