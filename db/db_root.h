/* The roots that logs say they accept (ca_root), and when each log is asked for them (ca_root_list). */
#ifndef CTVIGIL_DB_ROOT_H
#define CTVIGIL_DB_ROOT_H

#include "base/err.h"
#include "db/pgconn.h"
#include "db/store.h"

/* A followed log that is due, and is not asked by anybody else for the next hour; *log_id 0: none. */
MUST_USE enum err_code db_root_claim(struct pgconn *conn, int32_t *log_id, struct err *why);
/* Is this the answer that was stored last? */
MUST_USE enum err_code db_root_same(struct pgconn *conn, int32_t log_id, const uint8_t body_sha256[32],
                                    bool *same, struct err *why);
/* All that the log accepts now: what is new is stored, what is missing has left. One transaction. *added: how
 * many certificates nobody had seen before. */
MUST_USE enum err_code db_root_put(struct pgconn *conn, int32_t log_id, const struct store_ca *roots,
                                   size_t count, uint64_t *added, struct err *why);
/* The answer was had and stored (error NULL), or not; the log is due again in so many seconds, or, after an
 * error, in an hour, then twice as long each time, up to a day. */
MUST_USE enum err_code db_root_asked(struct pgconn *conn, int32_t log_id, const char *error,
                                     const uint8_t body_sha256[32], int64_t next_s, struct err *why);

#endif
