/* Is the key of the certificate worth anything, and its signature? Findings weak_key of the rule "weak_key"
 * (verify/weakkey.h), weak_signature of "weak_signature" (MD2, MD5, SHA-1), compromised_key of
 * "compromised_key": the key is in a list of keys that others have (watcher/blocklist.h). Of a certificate
 * whose bytes are not at hand only length and type of the key are known, and its hash. */
#ifndef CTVIGIL_RULE_WEAK_H
#define CTVIGIL_RULE_WEAK_H

#include "watcher/rule.h"

void rule_weak_judge(struct rule *rule);
/* The text of compromised_key, for those who find it later: `list` names the key. */
void rule_weak_listed(struct buf *found, const char *list, const uint8_t spki_sha256[32]);

#endif
