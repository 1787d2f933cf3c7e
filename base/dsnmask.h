/* Connection strings of PostgreSQL as they may be shown: without passwords. */
#ifndef CTVIGIL_DSNMASK_H
#define CTVIGIL_DSNMASK_H

#include "base/buf.h"

/* Appends it with "***" in the place of a password, and of every value that is not known to be harmless. */
void dsnmask_put(struct span dsn, struct buf *out);

#endif
