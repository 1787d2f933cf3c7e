/* Entries that could not be read, as they are stored (table malformed). */
#ifndef CTVIGIL_DB_MALFORMED_H
#define CTVIGIL_DB_MALFORMED_H

#include "base/err.h"
#include "base/span.h"
#include "db/pgconn.h"

struct db_malformed_row {
    int32_t log_id;
    uint64_t index;
    int64_t timestamp_ms;
    const char *findings; /* names, joined by spaces */
    bool parsed;          /* the certificate could be read all the same, apart from some part of it */
    uint8_t tbs_fp[32];   /* zero when not parsed */
    struct span leaf;
    struct span extra;
};

/* Calls `each` for all of them, by log and index; the spans live during the call, which may use `conn`. */
MUST_USE enum err_code db_malformed_each(struct pgconn *conn,
                                         enum err_code (*each)(void *arg, const struct db_malformed_row *row,
                                                               struct err *why),
                                         void *arg, struct err *why);

#endif
