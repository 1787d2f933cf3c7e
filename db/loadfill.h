/* PRIVATE TO db/. The step of a sealing that builds a leaf: what was put down of it (db/loadpack.h) and what
 * is in it already is read bucket by bucket, sorted here, and written frozen into the tables of the job. */
#ifndef CTVIGIL_LOADFILL_H
#define CTVIGIL_LOADFILL_H

#include <stdatomic.h>

#include "db/loadbad.h"
#include "db/pgexec.h"

struct loadfill_how {
    int64_t closed;          /* the last of the slots that are put in place */
    size_t most;             /* bytes that are sorted at once, with what sorts them; LIMIT_LOAD_SORT */
    const atomic_bool *stop; /* may be NULL */
    int lock_ms;             /* how long the second connection waits for a lock; 0: LIMIT_LOAD_LOCK_MS */
    struct loadbad *bad;     /* may be NULL: which value is damaged, where one is */
    bool alone;              /* over one connection, where otherwise a second one reads ahead */
};

/* For the job of the kind "load" that was begun, in a transaction of its own. Reads over a connection of its
 * own beside it, if there is one to be had, of the same server. *peak: the most bytes that were
 * held at once; more than `most` only where rows of one issuance are as many, or one row is as large.
 * ERR_CLOSED: `stop` turned true. ERR_DB_CONFLICT: others have locks that the reader wants. ERR_DB: the
 * second connection alone was lost, among others. On an error nothing is filled; of a damaged value it says
 * where it stands.
 */
MUST_USE enum err_code loadfill_run(struct pgconn *conn, const struct loadfill_how *how, size_t *peak,
                                    struct err *why);

/* A second connection for a sealing, which the caller frees: to the same server, with much to sort in, and so
 * that it waits `lock_ms` for a lock (0: LIMIT_LOAD_LOCK_MS). NULL: there is none to be had. */
struct pgconn *loadfill_second(struct pgconn *conn, int lock_ms);

/* What came of the second connection, as the error of all: that it is lost while the first one stands says
 * nothing of the database, so ERR_DB_DOWN becomes ERR_DB. */
enum err_code loadfill_second_failed(const struct pgconn *conn, const struct err *second, struct err *why);

#endif
