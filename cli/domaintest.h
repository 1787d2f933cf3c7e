/* What the policy of an entry says of certificates, without a trace: `domain test` of one, rule by rule,
 * `domain history --policy` of all that is stored. */
#ifndef CTVIGIL_DOMAINTEST_H
#define CTVIGIL_DOMAINTEST_H

#include "cli/cmd.h"
#include "model/watch.h"

/* What neither of the dry runs over what is stored says anything of; a sentence. */
#define DOMAINTEST_NOT_TRIED                                                                                 \
    "what needs more than one certificate or the calendar: serial numbers used twice and final certificates" \
    " that no precertificate announced, renewals (cadence), expiry, and look-alikes"

/* `certificate`: a file (PEM or DER, its chain behind it) or a SHA-256 that `cert` would find. Exit code 1:
 * there would be an alert. */
int domaintest_run(const struct cmd *cmd, const char *typed, const char *certificate, const char *policy);
/* The policy of that name in the file over what is stored. */
int domaintest_history(const struct cmd *cmd, const char *typed, const char *policy);

#endif
