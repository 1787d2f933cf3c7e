/* domain learn NAME: a policy that fits what is known of a domain's certificates. Proposes, never applies. */
#ifndef CTVIGIL_DOMAINLEARN_H
#define CTVIGIL_DOMAINLEARN_H

#include "cli/cmd.h"

#define DOMAINLEARN_DAYS 90 /* when nothing is said: one life of the usual certificate */

struct domainlearn {
    const char *name;
    uint64_t days; /* back from now; 0: DOMAINLEARN_DAYS */
    bool exact;
    bool yaml; /* the policy file alone, with the evidence as remarks */
};

/* The exit code. */
int domainlearn_run(const struct cmd *cmd, const struct domainlearn *what);

#endif
