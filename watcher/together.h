/* Several registered domains that are looked at in one pass over what is stored. */
#ifndef CTVIGIL_TOGETHER_H
#define CTVIGIL_TOGETHER_H

#include "watcher/watchset.h"

#define TOGETHER_MAX 64

/* A snapshot of copies of these alone, which looks for no look-alikes: what is stored is searched by names,
 * and a look-alike is nobody's certificate. NULL: no memory. */
MUST_USE struct watchset *together_set(const struct watch *const *watches, size_t count);

/* One watch with the items of all, for a search in the database alone. Its names are borrowed; `more` is
 * freed by the caller. False: no memory. */
MUST_USE bool together_join(const struct watch *const *watches, size_t count, struct watch *joint);

#endif
