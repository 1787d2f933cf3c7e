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

/* The newest. */
MUST_USE enum err_code db_trust_bundle(struct pgconn *conn, struct db_trust_bundle *bundle, struct err *why);

/* Does an import have this part? Then what the program was born with does not count. */
MUST_USE enum err_code db_trust_parts(struct pgconn *conn, void (*each)(void *arg, const char *part),
                                      void *arg, struct err *why);
/* Every rule that is in force, certificate and edge, from one snapshot. */
MUST_USE enum err_code db_trust_load(struct pgconn *conn, struct cagraph_plan *plan, uint64_t *version,
                                     struct err *why);

#endif
