/* Many new rows of the table domain in a few statements: a list of a million names is in within three
 * minutes, and so long no entry of a log is committed. */
#ifndef CTVIGIL_DB_DOMAINMANY_H
#define CTVIGIL_DB_DOMAINMANY_H

#include "base/err.h"
#include "model/watch.h"

struct pgconn;

#define DB_DOMAINMANY_MAX 500

struct db_domainmany {
    struct watch *watch[DB_DOMAINMANY_MAX];
    size_t count;
    size_t listed; /* things in the lists of their policies */
};

/* Remembers the watch. True: it is time to insert them, before the next one is taken. */
MUST_USE bool db_domainmany_take(struct db_domainmany *many, struct watch *watch);

/* Inside a transaction that holds the generation. At most DB_DOMAINMANY_MAX watches; sets their ids, in their
 * order, and gives them the alerts back that they had when they were registered before. Keys of allowed CAs
 * and channels are the caller's. ERR_EXISTS, ERR_TOO_BIG name the domain. */
MUST_USE enum err_code db_domainmany_insert(struct pgconn *conn, struct watch *const *watches, size_t count,
                                            struct err *why);

#endif
