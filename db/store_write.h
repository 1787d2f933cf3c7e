/* PRIVATE TO db/. The set-based statements of a commit, shared with the repair; all of them run inside the
 * caller's transaction on what the staging tables hold. Every writer takes its locks in the same order:
 * issuances by fingerprint, roll-ups by key, tiles, alerts, the range. */
#ifndef CTVIGIL_STORE_WRITE_H
#define CTVIGIL_STORE_WRITE_H

#include "db/pgstore.h"

/* Connects when necessary and makes the session ready: time-outs, staging tables, advisory locks of before.
 */
MUST_USE enum err_code store_write_ready(struct pgstore *pg, struct err *why);
/* stage_collect with all issuers known. `outside`: a connection without an open transaction. */
MUST_USE enum err_code store_write_collect(struct pgstore *pg, struct batch *const *batches, size_t count,
                                           struct pgconn *outside, struct err *why);
/* `fresh`: how many issuances were not stored before. */
MUST_USE enum err_code store_write_certs(struct pgstore *pg, uint64_t *fresh, struct err *why);
MUST_USE enum err_code store_write_tiles(struct pgstore *pg, struct err *why);
/* Both without staging tables: of the collected rows, and of consecutive batches of one log, at least one.
 * ERR_TOO_BIG: the names of all rows together are larger than a parameter may be; one row alone never is. */
MUST_USE enum err_code store_write_rows(struct pgstore *pg, struct store_settle *settle, struct err *why);
MUST_USE enum err_code store_write_places(struct pgstore *pg, struct batch *const *batches, size_t count,
                                          struct err *why);
/* That these places are found by their hashes; a part of the one before, and with store_write_tiles. */
MUST_USE enum err_code store_write_found(struct pgstore *pg, struct batch *const *batches, size_t count,
                                         struct err *why);
MUST_USE enum err_code store_write_malformed(struct pgstore *pg, struct err *why);
/* For a repair, which makes its rows long before it holds anything: loads the public suffix lists by which
 * keys are made now, and the horizon behind which nothing is stored. */
MUST_USE enum err_code store_write_lists(struct pgstore *pg, struct err *why);
/* The generation of the domains, held against change until the transaction ends. ERR_DB_CONFLICT: the lists
 * are others by now. */
MUST_USE enum err_code store_write_generation(struct pgstore *pg, uint64_t *generation, struct err *why);
/* The same, and until then no row of cert goes: what the store remembers is stored; when rows have gone since
 * it looked last it remembers nothing. */
MUST_USE enum err_code store_write_hold(struct pgstore *pg, uint64_t *generation, struct err *why);
/* Moves the range by compare-and-set, marks the head that was equalled and thins the old ones; *moved false:
 * somebody else was there. `epoch_step` is added to the epoch. */
MUST_USE enum err_code store_write_move(struct pgstore *pg, const struct store_settle *settle,
                                        uint64_t epoch_step, bool *moved, struct err *why);
/* COMMIT; an answer that was lost is looked up in log_range. On success the settle's range is updated. */
MUST_USE enum err_code store_write_commit(struct pgstore *pg, struct store_settle *settle,
                                          uint64_t epoch_step, struct err *why);
/* Did the commit in doubt, if it was this one, come through after all? Clears the doubt when the answer is
 * sure. */
MUST_USE enum err_code store_write_landed(struct pgstore *pg, struct store_settle *settle,
                                          uint64_t epoch_step, bool *landed, struct err *why);

#endif
