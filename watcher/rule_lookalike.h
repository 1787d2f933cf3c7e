/* The rule that looks at names of somebody else: one finding `lookalike` for each brand and each registrable
 * domain of a certificate that looks like it. A certificate that is as expected for the brand itself has an
 * owner who answers for all its names, and a name that is registered is judged by its own policy: neither is
 * a look-alike. Nor is what the brand's list allows. */
#ifndef CTVIGIL_RULE_LOOKALIKE_H
#define CTVIGIL_RULE_LOOKALIKE_H

#include "base/arena.h"
#include "model/alert.h"
#include "watcher/lookalike.h"
#include "watcher/watchset.h"

#define RULE_LOOKALIKE_MAX 16 /* of one certificate; one with more has the brands with the highest scores */

/* From which score on it is told, and is grave. */
#define RULE_LOOKALIKE_ON     60
#define RULE_LOOKALIKE_STRICT 40
#define RULE_LOOKALIKE_HIGH   84

struct rule_lookalike_found {
    size_t watch; /* place in the snapshot */
    struct span name;
    struct span apex;
    struct likeness like;
};

struct rule_lookalike {
    struct rule_lookalike_found found[RULE_LOOKALIKE_MAX];
    size_t count;
};

/* What the names of the issuance look like. False: nothing, which is all that nearly every entry costs. */
bool rule_lookalike_find(const struct watchset *set, const struct issuance *issuance,
                         struct rule_lookalike *all);
/* Fills `alert` except entry_at and sighting. False: the arena is full. */
MUST_USE bool rule_lookalike_judge(const struct watchset *set, const struct rule_lookalike_found *found,
                                   const struct issuance *issuance, struct arena *arena, struct alert *alert);

#endif
