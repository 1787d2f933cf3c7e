/* `ctvigil db reader add|remove|list`: who may read the views for researchers. */
#ifndef CTVIGIL_READERS_H
#define CTVIGIL_READERS_H

#include "cli/cmd.h"

/* cmd->argv is {"db", "reader", ACTION, NAME}, with `words` operands behind "reader". Returns an exit code.
 */
int readers_run(struct cmd *cmd, int words, uint64_t timeout_s, uint64_t connections);
/* After a migration: says on stderr what an administrator has to do before there can be readers. */
void readers_note(struct pgconn *conn);

#endif
