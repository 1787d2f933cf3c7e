/* `ctvigil db status`: where the database is, whether it runs and fits this program, what is in it, what is
 * wrong with it and what to do. Starts nothing and changes nothing. */
#ifndef CTVIGIL_DBSTATUS_H
#define CTVIGIL_DBSTATUS_H

#include "cli/cmd.h"

int dbstatus_run(struct cmd *cmd);

#endif
