/* PRIVATE TO db/. The step of a sealing that builds a leaf: what was put down of it (db/loadpack.h) and what
 * is in it already is read bucket by bucket, sorted here, and written frozen into the tables of the job. */
#ifndef CTVIGIL_LOADFILL_H
#define CTVIGIL_LOADFILL_H

#include <stdatomic.h>

#include "db/pgexec.h"

/* For the job of the kind "load" that was begun, in a transaction of its own; of slots up to `closed`.
 * Memory: some LIMIT_LOAD_SORT. ERR_CLOSED: `stop` (may be NULL) turned true. On an error nothing is filled.
 */
MUST_USE enum err_code loadfill_run(struct pgconn *conn, int64_t closed, const atomic_bool *stop,
                                    struct err *why);

#endif
