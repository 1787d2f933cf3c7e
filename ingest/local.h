/* Documents that are not fetched but lie here already (an archive): asked for like any other by their URL,
 * and answered in the same turn of the loop. A part of wire.h; its thread. */
#ifndef CTVIGIL_LOCAL_H
#define CTVIGIL_LOCAL_H

#include "ingest/wire.h"

/* Who answers URLs that begin with `prefix`. */
struct local_source {
    const char *prefix;
    /* Fills code, status, body and why of the reply; `path` is what stands behind the prefix. */
    void (*get)(void *arg, const char *path, const struct wire_ask *ask, struct wire_reply *reply);
    void *arg;
};

struct local_call;

struct local {
    struct local_source source; /* prefix NULL: there is none */
    struct local_call *first;
    struct local_call *last;
    unsigned count;
};

bool local_serves(const struct local *local, const char *url);
MUST_USE enum err_code local_get(struct local *local, const struct wire_ask *ask, struct err *why);
/* Answers what was asked for so far. Returns how many. */
unsigned local_turn(struct local *local);
/* Ends what was asked for with this `arg` (NULL: everything) with `code`. */
void local_end(struct local *local, const void *arg, enum err_code code);

#endif
