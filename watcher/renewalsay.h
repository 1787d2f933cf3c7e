/* What people are told about certificates that run out and renewals that are late or unusual: what was
 * expected, what was found, what it means, what to do. Pure; the texts lie in an arena. */
#ifndef CTVIGIL_RENEWALSAY_H
#define CTVIGIL_RENEWALSAY_H

#include "base/arena.h"
#include "watcher/renewal.h"

#define RENEWALSAY_RULE_MAX 32

/* The name in the order in which people write it. */
struct span renewalsay_name(struct arena *arena, struct span stored);
/* "expiry_30": also tells one step from another, where an alert has them already. */
void renewalsay_rule(const struct renewal_due *due, char out[RENEWALSAY_RULE_MAX]);
/* Findings expiring (due->level >= 0), missing_renewal, unusual_renewal. `rule` is not copied. Severities are
 * those of the watch where it has any. */
struct alert_finding renewalsay_expiring(struct arena *arena, const struct renewal *renewal,
                                         const struct renewal_due *due, const char *rule);
struct alert_finding renewalsay_missing(struct arena *arena, const struct renewal *renewal,
                                        const struct renewal_due *due);
struct alert_finding renewalsay_unusual(struct arena *arena, const struct renewal *renewal,
                                        const struct renewal_unusual *unusual);

#endif
