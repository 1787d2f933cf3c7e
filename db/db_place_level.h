/* How far merging of the blocks of places in logs has come (db/placemerge.h), for those who look after it:
 * the more blocks a bucket has, the longer it takes to find a hash. */
#ifndef CTVIGIL_DB_PLACE_LEVEL_H
#define CTVIGIL_DB_PLACE_LEVEL_H

#include "base/err.h"
#include "db/pgconn.h"

#define DB_PLACE_LEVELS_MAX 18
#define DB_PLACE_BLOCKS_MAX 20000 /* that are counted of a level */

/* Of a kind (0: by tbs_fp, 1: by SHA-256) and a level that has any. */
struct db_place_level {
    int kind;
    int level;
    int64_t blocks;    /* DB_PLACE_BLOCKS_MAX: so many or more */
    int64_t in_bucket; /* of these, to a bucket that has any, on the average */
    bool lags;         /* more than merging leaves anywhere, also beside a backfill */
};

/* By kind and level. Bounded, of the index alone. On a spread database there are none. */
MUST_USE enum err_code db_place_level_list(struct pgconn *conn,
                                           struct db_place_level levels[DB_PLACE_LEVELS_MAX], size_t *count,
                                           struct err *why);

#endif
