/* The CA that issued: one of those allowed, none of those denied. Findings unexpected_ca of the rules
 * "allow_ca" and "deny_ca"; whoever is denied is told as that alone. The issuer counts only when it is proven
 * (struct issuance): the text of a proven one has the key alone in brackets, so that what is learned later
 * can close the alert (sql/0011_late_truth.sql). An allowed one that is claimed by_word is of severity low at
 * most. */
#ifndef CTVIGIL_RULE_CA_H
#define CTVIGIL_RULE_CA_H

#include "watcher/rule.h"

void rule_ca_judge(struct rule *rule);

#endif
