/* What a person who gets an alert wants to know beside what was found: why it matters and what to do. One row
 * for each kind of alert in model/advice.def. */
#ifndef CTVIGIL_ADVICE_H
#define CTVIGIL_ADVICE_H

#include "base/buf.h"

struct advice {
    const char *what;   /* the sentence of alert.def */
    const char *why;    /* NULL: nobody wrote it, which a test finds */
    const char *action; /* the same */
};

/* By the name of a kind ("unexpected_ca"). False: this program does not know it, a newer one does. */
MUST_USE bool advice_of(const char *kind, struct advice *advice);
/* Appends to an empty buffer "A CA ... issued the certificate. Whoever ... . Ask ..." without the last full
 * stop; nothing for an unknown kind. */
void advice_put(const char *kind, struct buf *out);

#endif
