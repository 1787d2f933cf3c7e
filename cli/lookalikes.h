/* `domain lookalike` and `domain allow-lookalike`, and what `domain add --lookalike` needs of them. */
#ifndef CTVIGIL_LOOKALIKES_H
#define CTVIGIL_LOOKALIKES_H

#include "cli/cmd.h"
#include "model/watch.h"

/* Can look-alikes be looked for of this domain? `name` in normal form. ERR_USAGE says why not, and of which
 * one they can. The public suffix list must be loaded. */
MUST_USE enum err_code lookalikes_check(const struct watch *watch, const char *name, struct err *why);

/* words: NAME off|on|strict. Returns the exit code. */
int lookalikes_set(const struct cmd *cmd, int count, char **words);
/* words: NAME LOOKALIKE...; with `remove` they are taken off the list. */
int lookalikes_allow(const struct cmd *cmd, int count, char **words, bool remove);

#endif
