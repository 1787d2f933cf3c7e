/* The key of the certificate, where the entry says which ones are known: finding unexpected_key of the rule
 * "keys", of severity high when that is enforced, low when it is an advice. A planned issuance (struct
 * watch_expect) is told as an expected one, of severity info, under the rule "expect". */
/* It sees what an allowed CA issued to somebody who had taken over a mailbox, a name server or a route. */
#ifndef CTVIGIL_RULE_KEY_H
#define CTVIGIL_RULE_KEY_H

#include "watcher/rule.h"

void rule_key_judge(struct rule *rule);

#endif
