/* Another public suffix list for a database that holds certificates: every name whose registrable domain is
 * another one by it gets a further key (table cert_apex); none is taken away, because keys only find.
 *
 * From the first step on writers make keys by both lists; then the rows of before are gone through, some
 * megabytes in a transaction; then the new list is the one in force. So at every moment a question asked by
 * the list in force finds everything, and one asked by the list of before as well, for a day more
 * (db_psl_move_end). Who is killed on the way is followed by whoever calls db_psl_move_run next. */
#ifndef CTVIGIL_DB_PSL_MOVE_H
#define CTVIGIL_DB_PSL_MOVE_H

#include <stdatomic.h>

#include "base/err.h"
#include "db/pgconn.h"

enum db_psl_move_state {
    DB_PSL_MOVE_NONE,
    DB_PSL_MOVE_MOVING, /* db_psl_move_run goes on with it */
    DB_PSL_MOVE_MOVED,  /* the new one is in force, writers still make keys by the one of before, too */
};

struct db_psl_move_report {
    size_t rules;    /* that differ */
    uint64_t looked; /* bytes of certificates that were gone through */
    uint64_t all;    /* of */
    uint64_t keys;   /* that were added */
    bool back;       /* the list of before is in force again, and there is nothing to do */
};

MUST_USE enum err_code db_psl_move_look(struct pgconn *conn, enum db_psl_move_state *state, struct err *why);

/* Begins to change to the list of `file` (NULL: DB_PSL_SYSTEM_FILE). ERR_EXISTS: it is in force already, or
 * another change has not ended, or did less than a day ago; but back to the list of before goes at once (back
 * in the report), because every row still has the keys of both. ERR_DB_CONFLICT: rows of an import wait to be
 * put into their partitions. */
MUST_USE enum err_code db_psl_move_begin(struct pgconn *conn, const char *file,
                                         struct db_psl_move_report *report, struct err *why);

/* Goes through the rows and makes the new list the one in force; loads both into this process. Under
 * db_part_lock, because a partition that is rewritten meanwhile would have to be looked at again. `told` (may
 * be NULL) hears how far it is. ERR_CLOSED: `stop` (may be NULL) turned true. */
typedef void db_psl_move_told(void *arg, const struct db_psl_move_report *report);
MUST_USE enum err_code db_psl_move_run(struct pgconn *conn, const atomic_bool *stop, db_psl_move_told *told,
                                       void *arg, struct db_psl_move_report *report, struct err *why);

/* Lets writers forget the list of before, a day after the change: programs that run for long have looked
 * since (db_psl_follow). *ended false: there is none, or it is too early. */
MUST_USE enum err_code db_psl_move_end(struct pgconn *conn, bool *ended, struct err *why);

#endif
