/* A list of roots or of distrusted keys that lost many at once is more likely cut off, or a list of something
 * else, than true: whoever believed it would call good certificates untrusted, or fall silent. */
#ifndef CTVIGIL_DB_TRUST_LOSS_H
#define CTVIGIL_DB_TRUST_LOSS_H

#include "base/err.h"
#include "db/pgconn.h"
#include "trust/catake.h"

/* ERR_FORMAT with a sentence when the import would take more than LIMIT_TRUST_LOSS_PERCENT of its roots from
 * a store, or of its keys from the distrust table or the blocked keys of Chromium: of those in force, or of
 * those that the program came with where none were imported; or of the names in CAA records that were
 * imported. What was exchanged for others counts as lost. Changes nothing; the caller holds the transaction.
 */
MUST_USE enum err_code db_trust_loss_check(struct pgconn *conn, const struct catake *take, struct err *why);

/* Names the first part of the import that is older than what it takes the place of, and counts the others, in
 * words; "": none. Not refused: who goes back knows why. */
#define DB_TRUST_LOSS_TEXT 192
MUST_USE enum err_code db_trust_loss_older(struct pgconn *conn, const struct catake *take,
                                           char out[DB_TRUST_LOSS_TEXT], struct err *why);

#endif
