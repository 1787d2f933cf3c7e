/* Making the data of a private cluster and writing its configuration. */
#ifndef CTVIGIL_INITDB_H
#define CTVIGIL_INITDB_H

#include "db/pgbin.h"
#include "db/pguser.h"

/* Makes HOME/data as the user: all of it, or nothing is left. */
MUST_USE enum err_code initdb_make(const char *home, const struct pgbin *bin, const struct pguser *user,
                                   struct err *why);
/* Writes the server's configuration before every start: settings, and who may connect (root and the user
 * itself, as the role ctvigil, by the operating system's word). Its memory and WAL follow the machine
 * (clustersize.h). HOME/data/local.conf is the operator's and wins. */
MUST_USE enum err_code initdb_configure(const char *home, const struct pgbin *bin, const struct pguser *user,
                                        struct err *why);

#endif
