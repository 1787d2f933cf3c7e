/* Looks after what SCTs in certificates of registered domains promise (watcher/rule_sct.h): takes what is
 * due, checks the signatures, looks what the logs have by now, raises what is wrong and closes what came
 * late. Nothing twice; cut off anywhere, the same certificate is looked at again. */
#ifndef CTVIGIL_PROMISE_H
#define CTVIGIL_PROMISE_H

#include <stdatomic.h>

#include "db/pgconn.h"

struct promise_report {
    uint64_t looked;
    uint64_t kept;   /* certificates whose promises were all kept: no more to look at */
    uint64_t raised; /* new alerts */
    uint64_t closed; /* the entry came */
};

/* At most `most` certificates, and no new one after most_ms (but one at least); nothing when another process
 * is at it. `stop` may be NULL. */
MUST_USE enum err_code promise_look(struct pgconn *conn, size_t most, int64_t most_ms,
                                    const atomic_bool *stop, struct promise_report *report, struct err *why);

#endif
