/* Stretches of time of which a followed log holds entries that are still to be read: while a log is read from
 * its beginning, or caught up with after an outage. Who says that something is not in the logs has to know
 * them. Logs that are retired, over, or not followed owe nothing, nor does what is in front of where reading
 * began. docs/expiry.md. */
#ifndef CTVIGIL_DB_UNREAD_H
#define CTVIGIL_DB_UNREAD_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/ctlog.h"

#define DB_UNREAD_BEGIN INT64_MIN /* nothing is known */
#define DB_UNREAD_END   INT64_MAX /* up to now */

/* What a log took in after `begin` and not later than `end` (Unix seconds by the log) may be missing. */
struct db_unread {
    char log[CTLOG_NAME_MAX];
    int64_t begin;
    int64_t end;
    bool waited; /* it is being read; false: stuck for a day, behind for a week, or told of as out of date */
    bool fresh;  /* noticed by this look for the first time */
};

/* Those of more than LIMIT_UNREAD_S, the oldest first; the caller frees *list with free(). Notes what it
 * found, so that it is known later which logs do not go on (table expiry_wait). */
MUST_USE enum err_code db_unread_look(struct pgconn *conn, struct db_unread **list, size_t *count,
                                      struct err *why);

/* What the last look noted, a row for each log, without looking: `begin` and `waited` alone. */
MUST_USE enum err_code db_unread_noted(struct pgconn *conn, struct db_unread **list, size_t *count,
                                       struct err *why);

#endif
