/* Is what this database stands for going well? Asked before a sign of life goes out. */
#ifndef CTVIGIL_DB_HEALTH_H
#define CTVIGIL_DB_HEALTH_H

#include "base/err.h"
#include "db/pgconn.h"

struct db_health {
    int64_t logs_stale;       /* open incidents of logs that are out of date, or of this machine's clock */
    int64_t channels_failing; /* with an open alert channel_failing */
    int64_t overdue;          /* deliveries that nobody has claimed for ten minutes */
};

MUST_USE enum err_code db_health_look(struct pgconn *conn, struct db_health *health, struct err *why);

#endif
