/* Asks each RFC 6962 log of the log list once, and after it moved again, whether it has data tiles under the
 * same URL; one that has is read as a hybrid log from then on (ingest/hybrid.h). */
#ifndef CTVIGIL_TILEPROBE_H
#define CTVIGIL_TILEPROBE_H

#include <stdatomic.h>

#include "base/conf.h"
#include "base/err.h"
#include "db/pgconn.h"

/* Asks one log that is due, if there is one. It waits for the answer, but not after *stop is set.
 * `dsn` as for manners_ask: it is asked within the budget of its operator. */
MUST_USE enum err_code tileprobe_look(const struct conf *conf, struct pgconn *conn, const char *dsn,
                                      const atomic_bool *stop, struct err *why);

#endif
