/* PRIVATE TO db/. How long a writer waits for what another process holds. A process that was stopped, or cut
 * off from the server, in the middle of a transaction must not hold up the others:
 *
 * - for the row of a range or of a log nobody waits longer than LIMIT_DB_ROW_S; it is ERR_DB_CONFLICT then:
 *   somebody has it, come back later;
 * - in a transaction that has its range, for rows of certificates and the like, LIMIT_DB_LOCK_S;
 * - the server ends a session that is silent for LIMIT_DB_IDLE_S, inside a transaction for LIMIT_DB_TX_IDLE_S
 *   (a repair: LIMIT_DB_REPAIR_S; while domains are read again: LIMIT_DB_DOMAINS_S), and over TCP one whose
 *   end can not be reached for some seven seconds.
 * Inside of a COPY it ends none, however silent: patience_end does.
 *
 * That nothing is lost or doubled rests on none of this, but on the compare-and-set of log_range. */
#ifndef CTVIGIL_PATIENCE_H
#define CTVIGIL_PATIENCE_H

#include "db/pgexec.h"

/* For the new session of a writer. A server that says nothing for LIMIT_DB_ANSWER_S in one statement is left
 * (ERR_DB_DOWN): whether a COMMIT came through is looked up, as after any lost connection. */
MUST_USE enum err_code patience_session(struct pgconn *conn, struct err *why);
/* BEGIN of a transaction that first of all locks rows of log_range or log; its lock_timeout is LIMIT_DB_ROW_S
 * until patience_lock or the end. */
MUST_USE enum err_code patience_begin(struct pgconn *conn, struct err *why);
/* The same, within a transaction. */
MUST_USE enum err_code patience_short(struct pgconn *conn, struct err *why);
/* Locks range `id`, if it is still at (next, epoch); else, or when somebody else has it all that time,
 * ERR_DB_CONFLICT. From then on the transaction waits LIMIT_DB_LOCK_S for other rows. */
MUST_USE enum err_code patience_lock(struct pgconn *conn, int64_t id, uint64_t next, uint64_t epoch,
                                     struct err *why);
/* Until the end of the transaction, or the next call: the server ends it when it is silent for so long. */
MUST_USE enum err_code patience_silent(struct pgconn *conn, unsigned silent_s, struct err *why);
/* Somebody else has the advisory lock of range `id`: ends his session if it has sent nothing in the middle of
 * a COPY for `silent_s` seconds and is of our role. Whatever fails changes nothing. */
void patience_end(struct pgconn *conn, int64_t id, unsigned silent_s);

#endif
