/* The public suffix list in force (table psl). It decides under which domain a certificate is found, so
 * everybody who writes to or asks one database must use the same list: the one that is stored there. */
#ifndef CTVIGIL_DB_PSL_H
#define CTVIGIL_DB_PSL_H

#include "base/buf.h"
#include "base/err.h"
#include "db/pgconn.h"

/* Debian's package publicsuffix. */
#define DB_PSL_SYSTEM_FILE "/usr/share/publicsuffix/public_suffix_list.dat"

/* Appends the list of `file` (NULL: DB_PSL_SYSTEM_FILE), as it is. ERR_CONFIG. */
MUST_USE enum err_code db_psl_read(const char *file, struct buf *list, struct err *why);

/* Stores the list of `file` (NULL: DB_PSL_SYSTEM_FILE) when the database has none, or another one that
 * nothing depends on: no certificate is stored, and nobody else is connected. Otherwise the list stays as it
 * is, because another one would move keys of rows that are stored (db_psl_look says so; db/db_psl_move.h does
 * it). */
MUST_USE enum err_code db_psl_install(struct pgconn *conn, const char *file, struct err *why);
struct db_psl_state {
    int64_t loaded_ms; /* when the list in force was stored; Unix milliseconds */
    bool differs;      /* this machine's list is another one */
};

/* Looks, changes nothing. ERR_DB_SCHEMA: there is no list yet. */
MUST_USE enum err_code db_psl_look(struct pgconn *conn, const char *file, struct db_psl_state *state,
                                   struct err *why);
/* Loads the database's newest list into this process (dns_psl_load), before any dns_apex call. */
MUST_USE enum err_code db_psl_activate(struct pgconn *conn, struct err *why);

/* The same with the list beside it, while the database changes from one to another (db/db_psl_move.h):
 * whoever keeps a list for long does this when cert_removal.lists has changed, or before he asks by dns_apex.
 * Lists that are loaded already are not loaded again. */
MUST_USE enum err_code db_psl_follow(struct pgconn *conn, struct err *why);

#endif
