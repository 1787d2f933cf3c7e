/* What is expected of a watched domain, held against one issuance: every broken rule becomes a finding with
 * both values in words. Pure; texts come from the arena. */
#ifndef CTVIGIL_POLICY_H
#define CTVIGIL_POLICY_H

#include "base/arena.h"
#include "model/alert.h"
#include "model/watch.h"
#include "watcher/watchset.h"

struct blocklist;
struct cagraph;
struct cert;

/* Why an issuance concerns a watch. */
struct policy_case {
    const struct watch *watch;
    const struct issuance *issuance;
    struct span name;     /* the certificate's name that matched, or the watched name found in raw bytes */
    struct span wildcard; /* a wildcard name that concerns the watch and is not expected; absent: none */
    struct span stranger; /* a name that concerns the watch and is not in its list of names; absent: none */
    int64_t logged_ms;    /* when a log took it in */
    const struct watchset *ours; /* all that is registered; NULL: nobody knows */
    bool unparsed;               /* there is no certificate to judge: only `malformed` applies */
    bool raw;                    /* the name was only seen in bytes that could not be parsed */
    bool subtree; /* `name` is none of the certificate's: it is a CA that says that it may issue for it */
    bool by_word; /* the certificate's bytes are gone: that nobody proved its issuer says nothing
                     against it, and nothing for it */
    bool crowded; /* policy_nobody: the names can be read, but concern too many to say one by one */
    const struct finding_set *oddities; /* of entry and certificate */
    /* Rule R3 (watcher/rule_trust.h). */
    const struct cagraph *trust;     /* NULL: nobody says what root stores say */
    const struct sighting *sighting; /* the earliest that is known; NULL: none */
    int64_t now_ms;
    /* Weak and known keys (watcher/rule_weak.h). */
    const struct cert *cert;           /* NULL: its bytes are not at hand */
    const struct blocklist *blocklist; /* NULL: none */
    bool settled; /* whoever knows the issuer had time to say so: what is unknown now is odd */
};

/* Fills `alert` except entry_at and sighting; finding_count 0: everything is as expected. The issuer counts
 * only when it is proven (struct issuance). An allowed one that is claimed by_word gives an unexpected_ca
 * that says so, of severity low. The rules are those of watcher/rule_X.h, and "readable" (malformed); all of
 * them must hold. False: the arena is full.
 */
MUST_USE bool policy_judge(const struct policy_case *what, struct arena *arena, struct alert *alert);

/* One alert for a name or an entry that could be anybody's. */
MUST_USE bool policy_nobody(const struct policy_case *what, uint64_t domains_concerned, struct arena *arena,
                            struct alert *alert);

#endif
