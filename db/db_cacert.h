/* Stored CA certificates (issuer_cert): those that came with a chain, and the roots that logs accept. */
#ifndef CTVIGIL_DB_CACERT_H
#define CTVIGIL_DB_CACERT_H

#include "base/arena.h"
#include "base/err.h"
#include "db/pgconn.h"

/* The certificate of this SHA-256, copied to `arena`. ERR_NOT_FOUND: none is stored. */
MUST_USE enum err_code db_cacert_get(struct pgconn *conn, const uint8_t sha256[32], struct arena *arena,
                                     struct span *der, struct err *why);

/* Every stored CA certificate of this subject (Name, DER), while `each` says true. The span lives during the
 * call. */
MUST_USE enum err_code db_cacert_named(struct pgconn *conn, struct span subject,
                                       bool (*each)(void *arg, struct span der), void *arg, struct err *why);

#endif
