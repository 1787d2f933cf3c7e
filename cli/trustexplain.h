/* `trust explain SHA256|FILE`: every path of one certificate, or of a CA, and why each store says what. */
#ifndef CTVIGIL_TRUSTEXPLAIN_H
#define CTVIGIL_TRUSTEXPLAIN_H

#include "cli/cmd.h"

/* The exit code. */
int trustexplain_run(const struct cmd *cmd, const char *what);

#endif
