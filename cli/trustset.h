/* The trust data in force: what was imported, and of what was not the part that the program was born with.
 * One snapshot for the whole process, made anew when the database has something new. Thread-safe. */
#ifndef CTVIGIL_TRUSTSET_H
#define CTVIGIL_TRUSTSET_H

#include "db/pgconn.h"
#include "trust/cagraph.h"

/* The newest snapshot, pinned; cagraph_unpin gives it back. Asks the database whether there is a newer one.
 */
MUST_USE enum err_code trustset_pin(struct pgconn *conn, struct cagraph **graph, struct err *why);
/* Without looking: what the last call made; NULL: there was none yet. */
struct cagraph *trustset_pin_last(void);
/* For the end of the program, and for tests that change databases. */
void trustset_forget(void);

#endif
