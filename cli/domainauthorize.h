/* domain authorize PATH...: what one has oneself is expected. */
#ifndef CTVIGIL_DOMAINAUTHORIZE_H
#define CTVIGIL_DOMAINAUTHORIZE_H

#include "cli/cmd.h"
#include "cli/opt.h"

struct domainauthorize {
    char *const *paths;
    int path_count;
    bool dry_run;            /* says what would be done */
    struct opt_list domains; /* for keys whose certificate is not there */
};

/* The exit code. Keys and certificates found are added to the rules of the domains that they name (keys.spki,
 * keys.tbs); open alerts that this explains are closed. */
int domainauthorize_run(const struct cmd *cmd, const struct domainauthorize *what);

#endif
