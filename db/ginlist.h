/* PRIVATE TO db/. When the places in logs that were stored last get into the trees of their index. PostgreSQL
 * gathers new keys of a GIN index in a list and merges them into the trees when that is full: the longer the
 * list, the more keys of one page come together and the less each costs, and the longer a search, which reads
 * all of it. So the list may be long (LIMIT_GIN_LIST_KB) while a writer has much to store, and is emptied
 * soon where little comes. */
#ifndef CTVIGIL_GINLIST_H
#define CTVIGIL_GINLIST_H

#include "db/pgconn.h"

struct ginlist {
    int64_t since_ms; /* when it was looked at last */
    uint64_t entries; /* stored since then */
    bool waits;       /* something may be in the list */
    bool refused;     /* we may not: the tables belong to somebody else */
};

/* Settings of the session, for pgexec_script. */
extern const char ginlist_session[];

/* So many entries were stored now; outside a transaction. Merges when it is time; what goes wrong there is
 * not worth an error, because the server does the same by itself a little later. */
void ginlist_stored(struct ginlist *list, struct pgconn *conn, uint64_t entries, int64_t now_ms);
/* Nothing was stored for a while, or will be. */
void ginlist_idle(struct ginlist *list, struct pgconn *conn, int64_t now_ms);
void ginlist_end(struct ginlist *list, struct pgconn *conn);

#endif
