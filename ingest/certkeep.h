/* What the table of CA certificates (issuers.h) wants from the database and for it. Runs on the settler's
 * thread, and waits with it while the database is away; what the database refuses is said and given up. */
#ifndef CTVIGIL_CERTKEEP_H
#define CTVIGIL_CERTKEEP_H

#include "ingest/settle.h"

/* Looks up what workers wait for, keeps what the database does not have either as looked for (and takes that
 * up again after a start, and every hour), then writes certificates of this log that the database does not
 * have yet, at most LIMIT_ISSUERS_OPEN. */
void certkeep_serve(struct settle *settle, struct follow *follow);

#endif
