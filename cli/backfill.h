/* What a large import puts down without indexes (db/db_load.h), as commands speak of it. */
#ifndef CTVIGIL_BACKFILL_H
#define CTVIGIL_BACKFILL_H

#include <stdatomic.h>

#include "base/conf.h"
#include "db/pgconn.h"
#include "db/store.h"

/* Is an import of so many entries one? */
bool backfill_is(const struct conf *conf, uint64_t entries);
/* Says on stderr that certificates are stored which no search finds yet. Nothing when there are none, or when
 * nobody can say. */
void backfill_say(struct pgconn *conn);
/* Puts what waits into the partitions and says so on stderr. On a connection for nothing else. */
MUST_USE enum err_code backfill_end(struct pgconn *conn, const atomic_bool *stop, struct err *why);
/* The same of what nobody is still reading, and nothing where nothing waits: for who ends. */
MUST_USE enum err_code backfill_rest(struct pgconn *conn, const atomic_bool *stop, struct err *why);

#endif
