/* Issuance x snapshot -> alerts. Pure: no I/O, no clock, no database; memory from the batch's arena. */
#ifndef CTVIGIL_MATCH_H
#define CTVIGIL_MATCH_H

#include "model/batch.h"
#include "watcher/watchset.h"

struct blocklist;
struct cagraph;

/* Called once for every entry that concerns a watched domain, before it is judged: the place to prove the
 * issuer of a final certificate and to compare a precertificate with its leaf, which nobody wants to pay for
 * every entry. It may change the entry's issuance and findings, not its names. May come again for the same
 * entry when the batch is matched again. */
struct match_prove {
    void (*prove)(void *arg, struct batch *batch, struct entry *entry); /* NULL: nobody can */
    void *arg;
    /* What a closer look has against the certificate of such an entry, for people; NULL: nobody looks. */
    void (*look)(const struct entry *entry, struct finding_set *lint);
    bool by_word;                /* the bytes that could prove an issuer are gone (struct policy_case) */
    const struct watchset *ours; /* all that is registered; NULL: the set that is matched against */
    const struct cagraph *trust; /* the same, with now_ms and settled; pinned by the caller */
    const struct blocklist *blocklist; /* of keys; NULL: none; pinned by the caller */
    int64_t now_ms;
    bool settled;
};

/* Judges every entry of the batch and sets alerts, alert_count and watch_generation; runs again after the
 * arena was rewound to stage_mark. One alert per (domain, issuance) of the entry, finding_count 0 when all is
 * as expected. A name that can not be read, and an entry that can not be parsed, give one further alert with
 * domain_id ALERT_DOMAINS_NONE that counts the domains it could concern beyond those named; an entry that can
 * not be parsed gives it also when no domain is registered at all. The raw bytes of such an entry are scanned
 * for watched names first. An entry that has no tbs_fp (kind ENTRY_OPAQUE) is told apart by its place in the
 * log: the alert's issuance is then one of its own that holds findings only. `prove` may be NULL.
 * ERR_TOO_BIG: the arena is full (the caller reads the range in smaller pieces). A big batch can not be made
 * smaller: there an entry that concerns more watches than have room gets one alert without a domain instead,
 * which counts them.
 *
 * The history scan judges stored issuances and stored bytes by the same call, as a batch of one entry against
 * a snapshot of one watch: what is found does not depend on which of the two came first. (How many domains a
 * name could concern it asks the snapshot of all.) */
MUST_USE enum err_code match_batch(const struct watchset *set, struct batch *batch,
                                   const struct match_prove *prove, struct err *why);

#endif
