/* Issuance x snapshot -> alerts. Pure: no I/O, no clock, no database; memory from the batch's arena. */
#ifndef CTVIGIL_MATCH_H
#define CTVIGIL_MATCH_H

#include "model/batch.h"
#include "watcher/watchset.h"

/* Called once for every entry that concerns a watched domain, before it is judged: the place to prove the
 * issuer of a final certificate and to compare a precertificate with its leaf, which nobody wants to pay for
 * every entry. It may change the entry's issuance and findings, not its names. May come again for the same
 * entry when the batch is matched again. */
struct match_prove {
    void (*prove)(void *arg, struct batch *batch, struct entry *entry);
    void *arg;
};

/* Judges every entry of the batch and sets alerts, alert_count and watch_generation; runs again after the
 * arena was rewound to stage_mark. One alert per (domain, issuance) of the entry, finding_count 0 when all is
 * as expected. A name that can not be read, and an entry that can not be parsed, give one further alert with
 * domain_id ALERT_DOMAINS_NONE that counts the domains it could concern beyond those named; the raw bytes of
 * such an entry are scanned for watched names first. An entry that has no tbs_fp (kind ENTRY_OPAQUE) is told
 * apart by its leaf hash: the alert's issuance is then one of its own with tbs_fp = leaf_hash. `prove` may be
 * NULL. ERR_TOO_BIG: the arena is full (the caller reads the range in smaller pieces). */
MUST_USE enum err_code match_batch(const struct watchset *set, struct batch *batch,
                                   const struct match_prove *prove, struct err *why);

/* Judges one stored issuance against one domain (history). Fills `alert` and returns true when the domain is
 * concerned; alert->finding_count 0 means all is as expected. When it is only concerned by a name with
 * placeholder labels, domain_id is ALERT_DOMAINS_NONE and domains_concerned 1. Texts come from `arena`; *full
 * is set when it has no room, and nothing is certain then. */
MUST_USE bool match_one(const struct watch *watch, const struct issuance *issuance, struct arena *arena,
                        struct alert *alert, bool *full);

/* The same for the stored bytes of an entry that could not be parsed: true when the domain's name stands in
 * them. Only `malformed` is judged then. `issuance` is kept by pointer. */
MUST_USE bool match_raw(const struct watchset *set_of_one, struct span leaf, struct span extra,
                        const struct issuance *issuance, const struct finding_set *oddities,
                        struct arena *arena, struct alert *alert, bool *full);

#endif
