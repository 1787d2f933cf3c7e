/* What certspotter keeps in its state directory: certs/XX/HASH.pem (certificate and chain), HASH.v1.json (six
 * fields of it), and .HASH.notified where it told of it. */
#ifndef CTVIGIL_FROMSPOTTER_H
#define CTVIGIL_FROMSPOTTER_H

#include "db/db_known.h"

struct fromspotter {
    enum err_code (*each)(void *arg, const struct db_known *known, struct err *why);
    void *arg;
    uint64_t passed; /* out: files that can not be read */
    char first[400]; /* out: the first of these, and why; "" */
};

/* `dir` is the state directory, or the folder certs in it. ERR_USAGE: it is neither. */
MUST_USE enum err_code fromspotter_read(const char *dir, struct fromspotter *reading, struct err *why);

#endif
