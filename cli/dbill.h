/* What is wrong with a database, by its numbers (db/db_stat.h): a sentence on each, and one on what to do. */
#ifndef CTVIGIL_DBILL_H
#define CTVIGIL_DBILL_H

#include "db/db_stat.h"
#include "db/replica.h"

#define DBILL_TEXT_MAX 320

struct dbill {
    char what[DBILL_TEXT_MAX];
    char remedy[DBILL_TEXT_MAX];
};

/* The next one from *at on, which begins with 0; false: that was all. */
bool dbill_next(const struct db_stat *stat, const struct replica_state *replica, unsigned *at,
                struct dbill *ill);

#endif
