/* Proof that comes after the alert. An alert about an issuer whose key nobody could prove (unexpected_ca of
 * struct issuance issuer_known false, or by the word of a log) is closed once what is stored proves that an
 * allowed CA issued the certificate:
 *   the very bytes of every place of the alert were seen with a good signature somewhere else, or
 *   the log claimed an allowed key, and a precertificate that commits to that key is stored now.
 * Alerts with any other finding, or with a finding about a proven key, stay. What comes later and says
 * something new opens the alert again (db/store_alert.h); the same again does not. */
#ifndef CTVIGIL_DB_LATE_H
#define CTVIGIL_DB_LATE_H

#include "base/err.h"
#include "db/pgconn.h"

#define DB_LATE_PAGE 64 /* alerts looked at in one go */

/* Looks at the next open ones behind the alert *after, which it moves; 0: there were no more, begin anew.
 * *closed: how many were closed. */
MUST_USE enum err_code db_late_look(struct pgconn *conn, int64_t *after, uint64_t *closed, struct err *why);

#endif
