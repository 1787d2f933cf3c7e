/* Finding over_long_validity of the rule "max_days": longer than the entry allows, or, where it says nothing,
 * than the CA/Browser Forum does (BR 6.3.2; watcher/validity.h). Certificates of CAs are not judged. */
#ifndef CTVIGIL_RULE_VALIDITY_H
#define CTVIGIL_RULE_VALIDITY_H

#include "watcher/rule.h"

void rule_validity_judge(struct rule *rule);

#endif
