/* domain apply FILE: the registered domains become those of a policy file. */
#ifndef CTVIGIL_DOMAINAPPLY_H
#define CTVIGIL_DOMAINAPPLY_H

#include "cli/cmd.h"

struct domainapply {
    const char *path;
    bool dry_run; /* says what would be done */
    bool prune;   /* those that are not in the file are removed */
};

/* The exit code. What was added or changed is matched against everything stored before it returns. */
int domainapply_run(const struct cmd *cmd, const struct domainapply *apply);

#endif
