/* Watched names in bytes that nobody could parse: entries of unknown form, broken certificates. A name is
 * recognised in any case, as ASCII, as UTF-16 or BMPString, and in DNS wire form (length octets instead of
 * dots); one with A-labels also with its U-labels, in lower case: in UTF-8, in Latin-1 and, as far as Latin-1
 * goes, in UTF-16; an address as the iPAddress element a certificate would hold. It names who is plausibly
 * concerned; it proves nothing, and what is compressed or encrypted it does not see. */
#ifndef CTVIGIL_RAWSCAN_H
#define CTVIGIL_RAWSCAN_H

#include "base/span.h"
#include "model/watch.h"

struct rawscan;

/* The watches must outlive it. NULL: out of memory. */
MUST_USE struct rawscan *rawscan_new(const struct watch *watches, size_t count);
void rawscan_free(struct rawscan *scan); /* NULL is fine */

/* Calls `hit` for every occurrence, so a watch may come often. One pass per form over `bytes`, whatever the
 * number of watches. */
void rawscan_find(const struct rawscan *scan, struct span bytes,
                  void (*hit)(void *arg, const struct watch *watch), void *arg);

#endif
