/* After an import of trust data: CAs that registered domains allow or deny by a name are the keys that the
 * name stands for now. */
#ifndef CTVIGIL_REALLOW_H
#define CTVIGIL_REALLOW_H

#include "base/err.h"
#include "db/pgconn.h"

struct reallow {
    size_t domains;  /* whose keys changed; their history is scanned again by `run`, `watch` or `ingest` */
    uint64_t closed; /* alerts that are explained now */
};

/* A name that stands for nothing any more keeps the keys it had, and stderr says so. */
MUST_USE enum err_code reallow_run(const char *dsn, struct pgconn *conn, struct reallow *done,
                                   struct err *why);

#endif
