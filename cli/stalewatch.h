/* Looks whether a log is out of date (staleness.h) and keeps its incidents: one alert log_stale for each,
 * closed with the reason when the log is well again. For processes that read logs; one of them does it at a
 * time. */
#ifndef CTVIGIL_STALEWATCH_H
#define CTVIGIL_STALEWATCH_H

#include "base/err.h"
#include "db/pgconn.h"

MUST_USE enum err_code stalewatch_look(struct pgconn *conn, struct err *why);

#endif
