/* What expiry waits for: logs that are being caught up with (db/db_unread.h), of which it is not known yet
 * whether a renewal stands in them. Said once for each log, and once more when one is given up. */
#ifndef CTVIGIL_EXPIRYWAIT_H
#define CTVIGIL_EXPIRYWAIT_H

#include "db/db_unread.h"
#include "watcher/renewal.h"

/* What one process remembers; all zeros at first. */
struct expirywait {
    uint64_t mark; /* of what was found last; 0: nothing */
};

/* What one look found; expirywait_free. */
struct expirywait_found {
    struct db_unread *list;
    struct renewal_unread *unread; /* the same, for renewal_judge */
    size_t count;
    bool changed; /* other logs than at the last look */
};

MUST_USE enum err_code expirywait_look(struct pgconn *conn, struct expirywait *wait,
                                       struct expirywait_found *found, struct err *why);
void expirywait_free(struct expirywait_found *found);

#endif
