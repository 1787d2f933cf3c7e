/* PRIVATE TO db/. Packs the rows that a backfill puts down: those that expire in one month and are of one
 * bucket into one value of cert_load_run (db/loadrow.h). A value for a hundred rows costs the server a fifth
 * of what a row for each does, and is what the sealing sorts (db/loadfill.h). */
#ifndef CTVIGIL_LOADPACK_H
#define CTVIGIL_LOADPACK_H

#include "db/copy.h"
#include "db/stage.h"

struct loadpack {
    struct copy cert;
    struct copy key;
    struct copy ip;
    struct buf rows; /* of cert_apex and cert_ip */
    struct buf value;
    struct loadpack_item *items;
    struct loadpack_item *spare; /* of the same size */
    size_t count;
    size_t cap;
};

void loadpack_init(struct loadpack *pack);
void loadpack_fini(struct loadpack *pack);

/* The commit that rows are of: first_index is where its range stood. */
struct loadpack_of {
    int64_t slot;
    int32_t log_id;
    uint64_t first_index;
};

/* What stage_certs takes of the collected rows, into cert_load_run by one COPY over `copy`, inside a
 * transaction. *down: how many issuances. ERR_TOO_BIG, and nothing was sent: more than LIMIT_COPY_BYTES, or a
 * row of nearly as much. */
MUST_USE enum err_code loadpack_put(struct loadpack *pack, struct stage *stage, struct copy *copy,
                                    struct pgconn *conn, const struct loadpack_of *of, size_t *down,
                                    struct err *why);

#endif
