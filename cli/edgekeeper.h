/* Finds out which stored CA certificate certifies which (ca_edge): for each that is new, candidates by name
 * and key identifier in both directions, and for each candidate a check of the signature. Bounded per round;
 * interrupted anywhere it goes on with the same certificate. Part of the caretaker's round. */
#ifndef CTVIGIL_EDGEKEEPER_H
#define CTVIGIL_EDGEKEEPER_H

#include <stdatomic.h>

#include "db/pgconn.h"

struct edgekeeper_report {
    uint64_t certs; /* compared with all others */
    uint64_t checks;
    uint64_t edges;
};

/* At most `certs_max` certificates; nothing when another process is at it. `stop` may be NULL. */
MUST_USE enum err_code edgekeeper_look(struct pgconn *conn, uint64_t certs_max, const atomic_bool *stop,
                                       struct edgekeeper_report *report, struct err *why);

#endif
