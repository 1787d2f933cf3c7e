/* Alerts that nobody will be told of as things are: silence that somebody must hear about. */
#ifndef CTVIGIL_DB_UNHEARD_H
#define CTVIGIL_DB_UNHEARD_H

#include "base/err.h"
#include "db/pgconn.h"

#define DB_UNHEARD_MINUTES 10
#define DB_UNHEARD_TEXT    128

struct db_unheard {
    uint64_t without_row;          /* new alerts that no enabled channel may have */
    char domain[DB_UNHEARD_TEXT];  /* of one of them; "-" when it has none */
    char wanted[DB_UNHEARD_TEXT];  /* the channels of that domain; "any" */
    uint64_t overdue;              /* deliveries due since DB_UNHEARD_MINUTES that nobody has claimed */
    char channel[DB_UNHEARD_TEXT]; /* of the longest waiting one */
};

MUST_USE enum err_code db_unheard_look(struct pgconn *conn, struct db_unheard *unheard, struct err *why);

#endif
