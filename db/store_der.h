/* PRIVATE TO db/. What a commit keeps beside the rows when it is told to: certificates whole (der_chunk), and
 * rows for those alone that concern a registered domain (db.store: watched). Runs inside the caller's
 * transaction, on entries that were matched and staged already. */
#ifndef CTVIGIL_STORE_DER_H
#define CTVIGIL_STORE_DER_H

#include "db/pgstore.h"

/* Sets up what store_pg_keep says. False: out of memory, nothing changed. */
MUST_USE bool store_der_init(struct pgstore_keep *keep, enum store_pg_store store, enum store_pg_der der);
void store_der_fini(struct pgstore_keep *keep);
/* Another connection, or rows may have gone: what was stored is not known any more. */
void store_der_forget(struct pgstore_keep *keep);

/* Which entries concern somebody: sets `concerned` of every entry from the alerts of its batch, and of every
 * entry of a batch that nobody matched. After the last matching, before the other two. */
void store_der_judge(struct pgstore *pg, struct batch *const *batches, size_t count);
/* With db.store watched: takes what concerns nobody out of what is to become rows of cert. Returns how many;
 * they stand behind the others in pg->stage.rows. */
size_t store_der_leave_out(struct pgstore *pg);

/* Each form whose row is stored, once: those that are not in the database yet. Two writers that commit the
 * same form at the same moment store it twice; joining rows (db/db_der.h) takes the second away. That it is
 * stored already is told by 64 bits of its hash: a certificate made to collide with another one is not kept,
 * and is read from its log again. */
MUST_USE enum err_code store_der_write(struct pgstore *pg, struct batch *const *batches, size_t count,
                                       struct err *why);
/* After COMMIT of the same. */
void store_der_remember(struct pgstore *pg);

/* With db.store watched: says in log_thin that [range.next, next) was not stored wholly. */
MUST_USE enum err_code store_der_note_thin(struct pgstore *pg, const struct store_settle *settle,
                                           struct err *why);

#endif
