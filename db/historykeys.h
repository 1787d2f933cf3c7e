/* PRIVATE TO db/. The keys (cert.apex8, cert_apex.apex8) under which what concerns watched items is stored.
 */
#ifndef CTVIGIL_HISTORYKEYS_H
#define CTVIGIL_HISTORYKEYS_H

#include "model/watch.h"

/* In the order in which they came, each once. */
struct historykeys {
    int64_t *at;
    size_t count;
    size_t room;
    uint32_t *slots; /* where a key stands in `at`, plus one */
    size_t mask;
};

/* Room for the keys of so many watches and a few more; false: no memory. */
MUST_USE bool historykeys_init(struct historykeys *keys, const struct watch *watches, size_t count);
void historykeys_fini(struct historykeys *keys);
void historykeys_add(struct historykeys *keys, int64_t key);
/* Under these stands what could be anybody's: names with placeholders, and certificates without a registrable
 * domain. */
void historykeys_add_special(struct historykeys *keys);
/* None for addresses and for keys of certificates, which have indexes of their own. */
void historykeys_add_item(struct historykeys *keys, const struct watch_item *item);
void historykeys_add_watch(struct historykeys *keys, const struct watch *watch);

#endif
