/* An immutable snapshot of all registered domains, ready for matching by any number of threads. Counted:
 * whoever uses it holds a pin. */
#ifndef CTVIGIL_WATCHSET_H
#define CTVIGIL_WATCHSET_H

#include <stdatomic.h>

#include "base/err.h"
#include "model/watch.h"
#include "watcher/namesift.h"

struct lookalike;
struct watchset;

typedef void watchset_hit(void *arg, const struct watch *watch);

/* Takes the watches over (frees them with watch_free at the end, also when it fails). NULL: out of memory. */
MUST_USE struct watchset *watchset_new(struct watch *watches, size_t count, uint64_t generation);
struct watchset *watchset_pin(struct watchset *set);
void watchset_unpin(struct watchset *set); /* NULL is fine */
uint64_t watchset_generation(const struct watchset *set);
size_t watchset_count(const struct watchset *set);
const struct watch *watchset_at(const struct watchset *set, size_t at);
/* The position of a watch that a hit handed out. */
size_t watchset_place(const struct watchset *set, const struct watch *watch);

/* Calls `hit` for every watch that the certificate name concerns for certain: exact hosts, subtrees, and
 * wildcard names both ways (dns_covers). A "?" or inner "*" label only matches here by what stands right of
 * it: for the rest of such a name there is watchset_find_placeholder. A watch may be hit twice. Cost does not
 * grow with the number of watches. */
void watchset_find(const struct watchset *set, struct span name, watchset_hit *hit, void *arg);
/* The same for many names at once, which hides what it costs to read from a long list: first the keys that
 * are probably watched, in the order of the names; watchset_find_sifted for each of them, soon, finds what
 * watchset_find would. False: there are more than `room`, and what is missing is not known. */
MUST_USE bool watchset_sift(const struct watchset *set, const struct span *names, size_t count,
                            struct namesift_key *keys, size_t room, size_t *key_count);
void watchset_find_sifted(const struct watchset *set, const struct namesift_key *key, struct span name,
                          watchset_hit *hit, void *arg);
/* For a name with placeholder labels: every watch it could concern (dns_covers, linear); returns their
 * number. The bare placeholder "?" could be an address too. `hit` may be NULL. */
size_t watchset_find_placeholder(const struct watchset *set, struct span name, watchset_hit *hit, void *arg);
/* For an address of 4 or 16 octets; an IPv4 address mapped into IPv6 is looked up as both. */
void watchset_find_ip(const struct watchset *set, struct span ip, watchset_hit *hit, void *arg);
/* For what stands in a certificate beside names and addresses: an e-mail address or URI (by its host and as a
 * whole, letters in either case; a whole URI longer than OTHERS_KEY_MAX by its host alone), the certificate's
 * key, an organisation of its subject (letters in either case, white space does not count). They cost nothing
 * while nobody watches such a thing. */
bool watchset_has(const struct watchset *set, enum watch_kind kind);
void watchset_find_email(const struct watchset *set, struct span email, watchset_hit *hit, void *arg);
void watchset_find_uri(const struct watchset *set, struct span uri, watchset_hit *hit, void *arg);
void watchset_find_spki(const struct watchset *set, const uint8_t sha256[32], watchset_hit *hit, void *arg);
void watchset_find_org(const struct watchset *set, struct span org, watchset_hit *hit, void *arg);
/* For bytes that could not be parsed: every watch whose name stands in them (watcher/rawscan.h). */
void watchset_scan(const struct watchset *set, struct span bytes, watchset_hit *hit, void *arg);

/* The brands among them (watcher/lookalike.h); NULL: no watch wants look-alikes. */
const struct lookalike *watchset_lookalike(const struct watchset *set);

#endif
