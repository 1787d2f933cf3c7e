/* Rows of place_block that were damaged (sql/0075_place_bad.sql): who looks for them, and who makes anew what
 * they held. Merging takes out and notes those it meets; what lies in the last level nobody merges. Until the
 * buckets are whole again a hash may not be found in a log where it is. */
#ifndef CTVIGIL_DB_PLACE_H
#define CTVIGIL_DB_PLACE_H

#include <stdatomic.h>

#include "base/err.h"
#include "db/pgconn.h"

/* Buckets of which keys may be missing. */
MUST_USE enum err_code db_place_bad(struct pgconn *conn, int64_t *buckets, struct err *why);
/* For those who take what they do not find for gone: ERR_DB_LATER while there are any. */
MUST_USE enum err_code db_place_whole(struct pgconn *conn, struct err *why);

/* Looks at every block; *rows: how many, *bad: those taken out and noted. ERR_CLOSED: `stop` (may be NULL)
 * turned true. Outside of transactions, beside those who write. */
MUST_USE enum err_code db_place_check(struct pgconn *conn, const atomic_bool *stop, uint64_t *rows,
                                      uint64_t *bad, struct err *why);
/* Notes all buckets: what is damaged and looks like a block no look at blocks finds. */
MUST_USE enum err_code db_place_doubt(struct pgconn *conn, struct err *why);
/* Makes anew what is noted: reads log_tile once, from its beginning to its end, about 1,000 tiles in 0.5 s.
 * At most `steps` of LIMIT_PLACE_MEND tiles, each a transaction; whoever is killed is followed from there.
 * *tiles: how many were read. ERR_CLOSED as above. */
MUST_USE enum err_code db_place_mend(struct pgconn *conn, const atomic_bool *stop, uint64_t steps,
                                     uint64_t *tiles, struct err *why);

#endif
