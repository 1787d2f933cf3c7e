/* What a search does not find because it expired too long ago to be kept. */
#ifndef CTVIGIL_HORIZON_H
#define CTVIGIL_HORIZON_H

#include "db/pgconn.h"

/* Says on stderr that what expired before the retention horizon is not among what was found, when there is
 * one; of a hash ("sha256:HEX", "fp:HEX" or 64 digits) that was not found (`found` false) where a log shows
 * it. `typed` is the query as the user wrote it. */
void horizon_say(struct pgconn *conn, const char *typed, bool found);
/* The first half of it, for an answer that is not about one certificate. */
void horizon_say_when(struct pgconn *conn);

#endif
