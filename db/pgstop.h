/* What a signal ends: the statement that the database is at, at once, instead of a server that goes on
 * reading for somebody who has left. One connection of a process at a time. */
#ifndef CTVIGIL_PGSTOP_H
#define CTVIGIL_PGSTOP_H

#include <stdatomic.h>

#include "db/pgconn.h"

/* From now on pgstop_now is about this connection, and whoever asks by db/query.h asks nothing more once
 * `stop` is true: ERR_CLOSED. As it is connected now; one that is lost and made again ends by its own time.
 */
void pgstop_arm(struct pgconn *conn, const atomic_bool *stop);
/* About none any more. */
void pgstop_disarm(struct pgconn *conn);
/* For signal handlers. Keeps errno. */
void pgstop_now(void);

#endif
