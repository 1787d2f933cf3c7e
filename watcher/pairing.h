/* Looks after what belongs to certificates of registered domains (rule R8, watcher/rule_pairing.h): takes
 * what is due, looks what is stored by now, raises what is wrong. Nothing twice: an alert that exists is
 * added to, and one that says the same stays as it is; cut off anywhere, the same certificate is looked at
 * again. */
#ifndef CTVIGIL_PAIRING_H
#define CTVIGIL_PAIRING_H

#include <stdatomic.h>

#include "db/pgconn.h"

struct pairing_report {
    uint64_t looked;
    uint64_t raised; /* new alerts */
    uint64_t closed; /* their precertificate came */
};

/* At most `most` certificates; nothing when another process is at it. `stop` may be NULL. */
MUST_USE enum err_code pairing_look(struct pgconn *conn, size_t most, const atomic_bool *stop,
                                    struct pairing_report *report, struct err *why);

#endif
