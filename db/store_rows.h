/* PRIVATE TO db/. Rows of a commit as the parameters of two statements: issuances with their keys and
 * addresses, and places in the log. The other way to say it, through the staging tables of stage.h, costs a
 * fifth of a commit more (they are filled, read and truncated), and remains for repairs and for what is too
 * large for a parameter. */
#ifndef CTVIGIL_STORE_ROWS_H
#define CTVIGIL_STORE_ROWS_H

#include "db/pgexec.h"
#include "db/stage.h"

struct store_rows {
    struct copy cert;
    struct copy key;
    struct copy ip;
    struct buf fp8; /* arrays of int8 */
    struct buf sha8;
    struct buf info; /* FACTS_INFO_BYTES an entry */
};

void store_rows_init(struct store_rows *rows);
void store_rows_fini(struct store_rows *rows);
/* After stage_tables (db/stage.h), once per connection: their row types. */
MUST_USE enum err_code store_rows_session(struct store_rows *rows, struct pgconn *conn, struct err *why);

/* Adds what is to be stored of the collected rows: arrays of rows of stage_cert, stage_key and stage_ip, $1
 * to $3, in the order of (tbs_fp, issuer). *staged: how many issuances. ERR_TOO_BIG: an array is larger than
 * LIMIT_COPY_BYTES. */
MUST_USE enum err_code store_rows_certs(struct store_rows *rows, struct stage *stage,
                                        struct pgexec_args *args, size_t *staged, struct err *why);
/* Adds the places of consecutive batches of one log: $1 log, $2 first index, $3 behind the last one, $4 all
 * fp8, $5 all sha8, $6 all info. */
void store_rows_places(struct store_rows *rows, struct batch *const *batches, size_t count,
                       struct pgexec_args *args);

#endif
