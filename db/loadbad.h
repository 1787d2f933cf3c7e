/* PRIVATE TO db/. A value that a backfill put down and that can not be read any more (sql/0087_load_bad.sql):
 * it is put aside, so that its partition is built without it, and the entries that it was made of are gaps
 * from then on (store_gap.h), which are read again. */
#ifndef CTVIGIL_LOADBAD_H
#define CTVIGIL_LOADBAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "db/pgconn.h"

/* Where it stands in cert_load_run. */
struct loadbad {
    bool found;
    int64_t slot;
    int kind;
    int64_t bucket;
    char at[32]; /* ctid */
};

void loadbad_note(struct loadbad *bad, int64_t slot, int kind, int64_t bucket, const char *at);
/* Looks in the leaf of the job that is under way for a value that the server itself can not give. */
MUST_USE enum err_code loadbad_look(struct pgconn *conn, int64_t closed, const atomic_bool *stop,
                                    struct loadbad *bad, struct err *why);
/* In one transaction: the value is put aside, its entries become gaps, and an alert says so; told on standard
 * error. *aside false, and nothing done: nothing was found, it is gone, or nobody knows of which entries it
 * was. Under the lock of who rewrites partitions, outside of transactions. ERR_CLOSED: `stop` turned true. */
MUST_USE enum err_code loadbad_aside(struct pgconn *conn, const struct loadbad *bad, const char *leaf,
                                     const atomic_bool *stop, bool *aside, struct err *why);

#endif
