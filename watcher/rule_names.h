/* Which names of an entry may be in certificates, and names of others beside ours. */
#ifndef CTVIGIL_RULE_NAMES_H
#define CTVIGIL_RULE_NAMES_H

#include "watcher/rule.h"

/* Does the list allow the certificate name? "X" is that name, "*.X" everything below X. An empty list allows
 * every name. */
bool rule_names_allows(const struct watch *watch, struct span name);
/* Is the wildcard name one of those expected? */
bool rule_names_wildcard(const struct watch *watch, struct span name);
/* Is it a name that is not ours: below one of the excluded ones? */
bool rule_names_excluded(const struct watch *watch, struct span name);
/* Findings unexpected_name (rule "names"), unexpected_wildcard (rule "wildcard") and foreign_san (rule
 * "foreign_san": names under registered domains of which nothing is registered here). */
void rule_names_judge(struct rule *rule);

#endif
