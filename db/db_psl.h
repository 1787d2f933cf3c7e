/* The public suffix list in force (table psl). It decides under which domain a certificate is found, so
 * everybody who writes to or asks one database must use the same list: the one that is stored there. */
#ifndef CTVIGIL_DB_PSL_H
#define CTVIGIL_DB_PSL_H

#include "base/err.h"
#include "db/pgconn.h"

/* Debian's package publicsuffix. */
#define DB_PSL_SYSTEM_FILE "/usr/share/publicsuffix/public_suffix_list.dat"

/* Stores the list of `file` (NULL: DB_PSL_SYSTEM_FILE) when the database has none. Does not replace a list:
 * that would move keys of rows that are stored already. */
MUST_USE enum err_code db_psl_install(struct pgconn *conn, const char *file, struct err *why);
/* Loads the database's newest list into this process (dns_psl_load), before any dns_apex call. */
MUST_USE enum err_code db_psl_activate(struct pgconn *conn, struct err *why);

#endif
