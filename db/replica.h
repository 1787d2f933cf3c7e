/* Reading from a streaming replica (hot standby). What it has to do to follow its primary goes before what is
 * asked of it: a statement that stands in the way for max_standby_streaming_delay is cancelled, or its
 * session ended ("conflict with recovery"; SQLSTATE 40001). Asked again it mostly gets through. */
#ifndef CTVIGIL_REPLICA_H
#define CTVIGIL_REPLICA_H

#include "base/err.h"
#include "db/pgconn.h"

/* How far a server is behind the one it copies. */
struct replica_state {
    bool replica;   /* false: it copies nobody, and the rest means nothing */
    bool connected; /* it receives from its primary right now; false also while it reads an archive of WAL */
    bool any;       /* it has replayed a transaction since it started */
    int64_t at_ms;  /* Unix time at which the last transaction that it has was committed */
    int64_t
        lag_ms; /* how old what it shows may be; 0: it has all that it received, from a primary that is
                   there; -1: it has not, and replayed no transaction (any) that would say how old it is */
};

MUST_USE enum err_code replica_look(struct pgconn *conn, struct replica_state *state, struct err *why);

/* After a failure outside of a transaction: is it worth to ask a second time? True at most
 * LIMIT_REPLICA_TRIES times, after a pause that grows, and with a new session where the old one was ended.
 * False for anything but a conflict with recovery or a session that is gone, or what is no replica. */
bool replica_again(struct pgconn *conn, unsigned *tries);

#endif
