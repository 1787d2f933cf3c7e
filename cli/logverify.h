/* `log verify` and `log evidence`: the accounts of logs that contradicted themselves, checked again, and
 * listed. */
#ifndef CTVIGIL_LOGVERIFY_H
#define CTVIGIL_LOGVERIFY_H

#include "cli/cmd.h"

struct logverify_ask {
    const uint64_t *id; /* one that the database has; NULL: files */
    bool known;         /* also say under which name the database knows the log */
};

/* Each file ("-": standard input). Returns CMD_FINDINGS when one of them shows that its log contradicted
 * itself, CMD_FAILED for one that can not be read or contradicts itself, CMD_OK when nothing is shown against
 * a log. */
int logverify_run(const struct cmd *cmd, const struct logverify_ask *ask, char *const *files, int count);
/* What the database has; with an id, that account itself. */
int logverify_list(const struct cmd *cmd, const uint64_t *id);

#endif
