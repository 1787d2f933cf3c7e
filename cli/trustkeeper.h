/* Late truth about CAs: when trust data is imported, when the certificate of an issuer or of a CA above it
 * comes late, or when a certificate is seen in a log earlier than was known, what is stored is judged again
 * (watcher/rejudge.h). Part of the caretaker's round; any number of processes may do it. */
#ifndef CTVIGIL_TRUSTKEEPER_H
#define CTVIGIL_TRUSTKEEPER_H

#include <stdatomic.h>

#include "db/pgconn.h"

/* What one process remembers from round to round; all zeros at first. */
struct trustkeeper {
    int64_t most_ms; /* for one look, about: one pass over some domains is not cut; 0: as long as it takes */
    bool more;       /* out: that was too short, and the next look goes on where this one left off */
    int64_t bundle;  /* that was judged by */
    bool begun;
    bool warned;    /* that it is old */
    int64_t due_ms; /* CA certificates come one by one: what they change is looked at when this has passed */
    struct trustkeeper_round *round; /* that is not at its end */
};

struct trustkeeper_report {
    uint64_t issuers; /* of which the trust data says something new */
    uint64_t judged;
    uint64_t raised;
    uint64_t closed;
};

/* `dsn` is for a second connection. `stop` may be NULL. */
MUST_USE enum err_code trustkeeper_look(const char *dsn, struct pgconn *conn, struct trustkeeper *keeper,
                                        const atomic_bool *stop, struct trustkeeper_report *report,
                                        struct err *why);
void trustkeeper_free(struct trustkeeper *keeper);

#endif
