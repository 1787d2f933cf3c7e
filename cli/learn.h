/* What certificates of a domain were like, counted, and the policy that would have expected all of them.
 * Pure.
 */
#ifndef CTVIGIL_LEARN_H
#define CTVIGIL_LEARN_H

#include <jansson.h>

#include "base/err.h"
#include "model/watch.h"

/* One issuance. */
struct learn_fact {
    bool imported;                   /* somebody said so (db/db_known.h); false: it is stored */
    const char *ca;                  /* as an entry of `allow`; NULL: nobody knows who issued it */
    bool ca_by_name;                 /* ... by the name of the issuer alone */
    const struct watch_words *names; /* all of them; "*.example.com" */
    const uint8_t *spki;             /* 32 bytes; NULL: not known */
    const char *key_type;            /* "ec-p256"; "": not known */
    const char *signing;             /* "ecdsa-sha384"; NULL: not known */
    int64_t not_before;              /* Unix seconds */
    int64_t not_after;
};

struct learn;

/* Only of WATCH_DNS something is below, and names are listed. */
struct learn *learn_new(const char *name, enum watch_kind kind, bool exact);
void learn_free(struct learn *learn); /* NULL is fine */
void learn_add(struct learn *learn, const struct learn_fact *fact);
uint64_t learn_count(const struct learn *learn);

/* An entry as in a policy file (docs/policy.md). What is too varied to be listed is left out: LIST_MAX names,
 * keys that are not used again. The caller owns it. */
#define LEARN_LIST_MAX 50
json_t *learn_policy(const struct learn *learn);
/* {"stored", "imported", "unknown_issuer", "cas": {WORD: n}, "cas_by_name": {WORD: n}, "names": {NAME: n},
 * "wildcards": {NAME: n}, "key_types": {TYPE: n}, "signatures": {WORD: n}, "keys", "keys_used_again",
 * "longest_days", "renewed_after_days": median or null, "renewals"}. The caller owns it. */
json_t *learn_evidence(const struct learn *learn);

#endif
