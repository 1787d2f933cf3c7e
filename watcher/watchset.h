/* An immutable snapshot of all registered domains, ready for matching by any number of threads. Counted: a batch pins
 * the snapshot it was matched with. */
#ifndef CTVIGIL_WATCHSET_H
#define CTVIGIL_WATCHSET_H

#include <stdatomic.h>

#include "base/err.h"
#include "model/watch.h"

struct watchset;

/* Takes the watches over (frees them with watch_free at the end). NULL: out of memory. */
MUST_USE struct watchset *watchset_new(struct watch *watches, size_t count, uint64_t generation);
struct watchset *watchset_pin(struct watchset *set);
void watchset_unpin(struct watchset *set); /* NULL is fine */
uint64_t watchset_generation(const struct watchset *set);
size_t watchset_count(const struct watchset *set);
const struct watch *watchset_at(const struct watchset *set, size_t at);

/* Calls `hit` for every watch that the certificate name concerns: exact hosts, subtrees, and wildcard names both ways
 * (dns_covers). `name` is a normal form without placeholder labels. Cost does not grow with the number of watches. */
void watchset_find(const struct watchset *set, struct span name, void (*hit)(void *arg, const struct watch *watch),
                   void *arg);
/* For a name with placeholder labels: every watch it could concern (dns_covers, linear); returns their number. */
size_t watchset_find_placeholder(const struct watchset *set, struct span name,
                                 void (*hit)(void *arg, const struct watch *watch), void *arg);
/* For an address of 4 or 16 octets. */
void watchset_find_ip(const struct watchset *set, struct span ip, void (*hit)(void *arg, const struct watch *watch),
                      void *arg);

#endif
