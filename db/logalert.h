/* PRIVATE TO db/. Alerts about a log, or about ourselves, that no entry raised. */
#ifndef CTVIGIL_LOGALERT_H
#define CTVIGIL_LOGALERT_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/alert.h"

/* Once for each `dedup`, told through every channel. log_id 0: about no log. *id (may be NULL): of the alert,
 * also of one that was there; 0 never. Part of the caller's transaction. */
MUST_USE enum err_code logalert_raise(struct pgconn *conn, int32_t log_id,
                                      const struct alert_finding *finding, const char *dedup, int64_t *id,
                                      struct err *why);

#endif
