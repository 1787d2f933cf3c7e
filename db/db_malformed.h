/* Entries that could not be read, as they are stored (table malformed). */
#ifndef CTVIGIL_DB_MALFORMED_H
#define CTVIGIL_DB_MALFORMED_H

#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"
#include "db/pgconn.h"
#include "model/finding.h"

struct db_malformed_row {
    int32_t log_id;
    uint64_t index;
    int64_t timestamp_ms;
    bool tile;     /* the log has data tiles only; of any other log see leaf_extra_of_tile */
    bool unparsed; /* it was stored as an entry without a certificate */
    struct finding_set findings;
    struct span leaf;
    struct span extra;
};

/* Calls `each` for all of them, by log and index; the spans live during the call, which may use `conn`. */
MUST_USE enum err_code db_malformed_each(struct pgconn *conn,
                                         enum err_code (*each)(void *arg, const struct db_malformed_row *row,
                                                               struct err *why),
                                         void *arg, struct err *why);

/* A CA certificate that a chain named by its SHA-256 (static-ct); len 0: it is not stored. */
struct db_malformed_issuer {
    uint8_t der[LIMIT_ISSUER_BYTES];
    size_t len;
};
MUST_USE enum err_code db_malformed_issuer(struct pgconn *conn, const uint8_t sha256[32],
                                           struct db_malformed_issuer *issuer, struct err *why);

#endif
