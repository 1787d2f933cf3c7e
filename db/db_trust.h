/* Trust data (tables trust_*): what the root stores say, as imported, and the stored CA certificates with
 * their edges. Loads all of it into a plan (trust/cagraph.h). */
#ifndef CTVIGIL_DB_TRUST_H
#define CTVIGIL_DB_TRUST_H

#include "base/err.h"
#include "db/pgconn.h"
#include "trust/cagraph.h"

/* Differs when there is something new: a bundle, a CA certificate that was compared with the others. */
MUST_USE enum err_code db_trust_version(struct pgconn *conn, uint64_t *version, struct err *why);

struct db_trust_bundle {
    int64_t id; /* 0: none was imported */
    int64_t dated_ms;
    int64_t imported_ms;
};

/* The newest; its date is that of the newest file of all of them. */
MUST_USE enum err_code db_trust_bundle(struct pgconn *conn, struct db_trust_bundle *bundle, struct err *why);

/* Every rule that is in force, certificate, edge, and part as a source; for parts that were never imported
 * what the program was born with. All of one snapshot of the database. */
MUST_USE enum err_code db_trust_load(struct pgconn *conn, struct cagraph_plan *plan,
                                     struct db_trust_bundle *bundle, uint64_t *version, struct err *why);

#endif
