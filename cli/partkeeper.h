/* Looks after the partitions while logs are read (db/db_part.h): a thread, and a look before the first row.
 * Any number of processes may have one; only one works at a time. */
#ifndef CTVIGIL_PARTKEEPER_H
#define CTVIGIL_PARTKEEPER_H

#include "base/conf.h"
#include "db/pgconn.h"

/* Makes the months that rows of today may need, should they be missing: a database that nobody looked after
 * for two years has them before it gets its first row. Without them rows would lie in the partition of their
 * year, so that this is about speed alone: when another process is at it nothing is waited for. */
MUST_USE enum err_code partkeeper_ahead(struct pgconn *conn, const struct conf *conf, struct err *why);

struct partkeeper;

/* ERR_CONFIG: db.maintain_hours can not be read. */
MUST_USE enum err_code partkeeper_start(const struct conf *conf, const char *dsn, struct partkeeper **out,
                                        struct err *why);
/* What its thread does every ten minutes: nothing when another process is at it. What of a backfill can not
 * be put in its place holds up nothing else, and is the error then. */
MUST_USE enum err_code partkeeper_look(const struct partkeeper *keeper, struct err *why);
/* Cancels what is under way; the next one goes on with it. NULL is fine. */
void partkeeper_stop(struct partkeeper *keeper);

/* "22-4": from 22:00 until 4:00 UTC; empty: always. */
struct partkeeper_hours {
    unsigned from;
    unsigned until; /* both 0: always */
};
MUST_USE enum err_code partkeeper_read_hours(const char *text, struct partkeeper_hours *hours,
                                             struct err *why);
bool partkeeper_is_hour(const struct partkeeper_hours *hours, int64_t wall_ms);

#endif
