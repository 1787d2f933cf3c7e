/* The names that a CA certificate says it may issue for (nameConstraints, RFC 5280 section 4.2.1.10): whose
 * they are, it is as near to as a certificate for them. Pure. */
#ifndef CTVIGIL_SUBTREE_H
#define CTVIGIL_SUBTREE_H

#include "base/arena.h"
#include "watcher/watchset.h"

/* Calls `each` for every permitted DNS name, in normal form and copied into the arena. Left out: what is a
 * public suffix or everything, which concerns all and nobody, and what is no name. False: the arena is full.
 */
MUST_USE bool subtree_each(struct span constraints, struct arena *arena,
                           void (*each)(void *arg, struct span base), void *arg);
/* Watches that the names below `base` concern: those below it or at it, and those right above. */
void subtree_find(const struct watchset *set, struct span base, watchset_hit *hit, void *arg);

#endif
