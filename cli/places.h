/* `ctvigil db places`: looks for damage in what leads from hashes to places in logs, and makes it anew
 * (db/db_place.h). */
#ifndef CTVIGIL_PLACES_H
#define CTVIGIL_PLACES_H

#include "cli/cmd.h"
#include "db/pgconn.h"

/* `anew`: all of it, whatever it looks like. */
int places_run(struct cmd *cmd, bool anew);
/* Says on stderr that hashes may not be found. Nothing when all are, or when nobody can say. */
void places_say(struct pgconn *conn);

#endif
