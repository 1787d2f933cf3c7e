/* What a CA certificate says it may issue for (nameConstraints, RFC 5280 section 4.2.1.10): names, addresses
 * and mailboxes. Whose they are, it is as near to as a certificate for them. Pure. */
#ifndef CTVIGIL_SUBTREE_H
#define CTVIGIL_SUBTREE_H

#include "base/arena.h"
#include "watcher/watchset.h"

/* One permitted subtree. */
struct subtree_base {
    enum watch_kind kind; /* WATCH_DNS, WATCH_IP or WATCH_EMAIL */
    struct span shown;    /* for people: "example.com", "192.0.2.0/255.255.255.0", "email:.example.com" */
    struct span name;     /* the host, in normal form; of WATCH_EMAIL without what `user` and `below` say */
    bool exact;           /* WATCH_DNS: a public suffix, which concerns who watches it, and nobody below */
    bool below;           /* WATCH_EMAIL: hosts below `name` alone */
    bool user;            /* WATCH_EMAIL: one mailbox, `name` is the whole address */
    uint8_t ip_len;       /* WATCH_IP: 4 or 16 */
    uint8_t ip[16];
    uint8_t mask[16];
};

struct subtree {
    struct subtree_base *at; /* names first, sorted; then ranges; then mailboxes */
    size_t count;
    size_t names;
    size_t ranges;
};

/* Reads the permitted ones into the arena. Left out: mailboxes of a public suffix, or a range that is larger
 * than anybody's (IPv4 /8, IPv6 /16), which concern all and nobody; and what is no name. False: the arena is
 * full. */
MUST_USE bool subtree_read(struct span constraints, struct arena *arena, struct subtree *out);

/* Calls `hit` for every watch that they concern: those at or below a name, and those right above it; ranges
 * that overlap; mailboxes. A watch may be hit twice. Costs a walk over all watches, 0.1 s for a million,
 * where there is something to look for: certificates that have such a thing are few. Ranges and mailboxes are
 * compared one by one with the watched ones, LIMIT_SUBTREE_CHECKS in all: of more than that, whoever is left
 * and watches one is hit, with SUBTREE_TOO_MANY in the place of `base`. */
#define SUBTREE_TOO_MANY "(more ranges or mailboxes than are compared)"
void subtree_find(const struct subtree *tree, const struct watchset *set,
                  void (*hit)(void *arg, struct span base, const struct watch *watch), void *arg);

#endif
