/* All brands of a snapshot, made ready to be asked about every name of every log: which brands could this
 * name be taken for? Immutable once made, any number of threads. What it finds is judged by
 * watcher/likeness.h, so nothing comes out of here but a likeness with a score; what it does not find has
 * none.
 *
 * Two ways, because they find different things. (1) The label left of the public suffix, as the eye reads it:
 * two labels are within one (two) typing errors exactly when they can be made equal by leaving out one (two)
 * letters of each, so all that is left of each brand lies in a table, and all that is left of the name is
 * looked up in it. A polynomial hash makes what is left an addition: H(without i and j) = U[i] + V[j]. (2)
 * The brand inside any label: each four letters of the name are looked up among the first four of the brands.
 */
#ifndef CTVIGIL_LOOKALIKE_H
#define CTVIGIL_LOOKALIKE_H

#include "model/watch.h"
#include "watcher/likeness.h"

struct lookalike;

/* `watch`: place of the brand in the watches it was made from. */
typedef void lookalike_hit(void *arg, size_t watch, const struct likeness *like);

/* Of the watches that want look-alikes; names are borrowed. The public suffix list must be loaded when there
 * is one. *out NULL with true: none wants them. False: out of memory. */
MUST_USE bool lookalike_new(const struct watch *watches, size_t count, struct lookalike **out);
void lookalike_free(struct lookalike *all); /* NULL is fine */
size_t lookalike_brands(const struct lookalike *all);

/* `text` in normal form and its registrable domain (struct name); an absent one is never a look-alike. Calls
 * `hit` at least once for each brand it looks like (a brand may come twice, with the same likeness). `again`:
 * the same registrable domain was asked for just now, so only what stands left of it is new. */
void lookalike_find(const struct lookalike *all, struct span text, struct span apex, bool again,
                    lookalike_hit *hit, void *arg);
/* Why, as likeness_say says it. */
void lookalike_say(const struct lookalike *all, size_t watch, const struct likeness *like, struct span text,
                   struct span apex, struct buf *out);

#endif
