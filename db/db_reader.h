/* Readers: roles of the server that may read the schemas ct and crtsh of this database and nothing else, each
 * with a time limit for a statement and a number of connections (numbered file "reader" of sql/). */
#ifndef CTVIGIL_DB_READER_H
#define CTVIGIL_DB_READER_H

#include "base/err.h"
#include "db/pgconn.h"

struct db_reader {
    const char *name;
    int64_t timeout_s;
    int64_t connections;
    int64_t open; /* sessions now */
    bool gone;    /* somebody dropped the role */
};

/* What was done to a session, or what only an administrator can do: a line each. */
typedef void db_reader_said(void *arg, const char *line);
typedef void db_reader_each(void *arg, const struct db_reader *reader);

/* Makes the group role ctvigil_reader and grants it what it lacks, as far as this user may; for whoever has
 * just migrated. That it may not is no error: db_reader_lacks tells. */
void db_reader_ready(struct pgconn *conn);
/* Hands over the statements that an administrator has to run, none when all is well. */
MUST_USE enum err_code db_reader_lacks(struct pgconn *conn, db_reader_said *said, void *arg, struct err *why);

/* Makes a role of that name that may log in, or takes one that may do nothing else, and sets its limits;
 * `said` gets what only an administrator can do beyond that. ERR_USAGE: the name is not one for a reader. It
 * has no password. */
MUST_USE enum err_code db_reader_add(struct pgconn *conn, const char *name, int64_t timeout_s,
                                     int64_t connections, db_reader_said *said, void *arg, struct err *why);
/* Ends its sessions and takes the role away. ERR_NOT_FOUND: there is none. */
MUST_USE enum err_code db_reader_remove(struct pgconn *conn, const char *name, struct err *why);
MUST_USE enum err_code db_reader_list(struct pgconn *conn, db_reader_each *each, void *arg, struct err *why);

/* Cancels what runs longer than its reader may, and ends what goes on all the same; *ended: how many. A role
 * can raise its own statement_timeout, which is why somebody has to look. */
MUST_USE enum err_code db_reader_watch(struct pgconn *conn, db_reader_said *said, void *arg, uint64_t *ended,
                                       struct err *why);

#endif
