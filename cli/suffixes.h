/* `ctvigil db suffixes`: another public suffix list for a database that holds certificates. */
#ifndef CTVIGIL_SUFFIXES_H
#define CTVIGIL_SUFFIXES_H

#include <stdatomic.h>

#include "cli/cmd.h"

/* The command; `file` NULL: this machine's list. Returns the exit code. */
int suffixes_run(struct cmd *cmd, const char *file);

/* For whoever looks after the database, with db_part_lock: goes on with a change that somebody began, and
 * ends one that was made a day ago. */
MUST_USE enum err_code suffixes_look(struct pgconn *conn, const atomic_bool *stop, struct err *why);

#endif
