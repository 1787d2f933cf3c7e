/* What kind of certificate it is: findings unexpected_type of the rules "key_types" and "policy", and
 * ca_certificate of the rule "ca" for one that may sign others, of which nobody ever expects one for his
 * names. */
#ifndef CTVIGIL_RULE_TYPE_H
#define CTVIGIL_RULE_TYPE_H

#include "watcher/rule.h"

/* "rsa-2048", "ec-p256", "ed25519"; "unknown" */
void rule_type_key(const struct issuance *issuance, struct buf *out);
/* Is it a word of the list of key types? */
bool rule_type_known(const char *word);
void rule_type_judge(struct rule *rule);

#endif
