/* The retention horizon: what expired before it is not stored. Its partitions were dropped (db/db_part.h),
 * and who writes leaves such rows out; their entries stand in log_tile as all others do, were matched, and
 * are counted in `issued` if they were stored once. */
#ifndef CTVIGIL_DB_HORIZON_H
#define CTVIGIL_DB_HORIZON_H

#include "base/err.h"
#include "db/pgconn.h"

/* Unix milliseconds; INT64_MIN: everything is kept. */
MUST_USE enum err_code db_horizon_get(struct pgconn *conn, int64_t *horizon_ms, struct err *why);

/* Where a log shows what has no row any more. */
struct db_horizon_place {
    char log[128]; /* its name, cut */
    uint64_t index;
    int64_t expired_ms; /* the day of not_after */
};

/* Looks for an entry whose SHA-256 or tbs_fp begins with the first 8 bytes of `hash` and that expired before
 * the horizon. Eight bytes find, they do not prove; no more is kept. */
MUST_USE enum err_code db_horizon_find(struct pgconn *conn, const uint8_t hash[32],
                                       struct db_horizon_place *place, bool *found, struct err *why);

#endif
