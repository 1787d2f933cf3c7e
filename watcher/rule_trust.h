/* Rule R3: what the root stores say of the CA that issued (docs/trust.md). Pure. */
#ifndef CTVIGIL_RULE_TRUST_H
#define CTVIGIL_RULE_TRUST_H

#include "model/verdict.h"
#include "watcher/rule.h"

/* Adds findings to `alert`, of kinds distrusted_ca, constraint_violation, unknown_issuer_key, single_store_ca
 * and untrusted_ca. Whatever what->trust can not say for sure gives none: the certificate is judged again
 * when more is known (cli/trustkeeper.h). A CA that is allowed for the domain by its key gives no
 * unknown_issuer_key, single_store_ca and untrusted_ca: whoever allowed it knows. */
void rule_trust_judge(struct rule *rule);

/* What counts of all places where an issuance was seen (`count` > 0): the earliest moment, and whether a
 * precertificate is known. */
struct sighting rule_trust_earliest(const struct sighting *sightings, size_t count);

/* Of these kinds a finding can end, when trust data or what is known of CAs changes. */
bool rule_trust_owns(enum alert_kind kind);

#endif
