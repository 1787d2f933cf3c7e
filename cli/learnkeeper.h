/* Keys that become known by being used (rule keys, `learn` of docs/policy.md). When the learning time of a
 * domain is over, what is stored is judged by its policy without a trace: the keys of certificates that a log
 * took in during that time, that break no rule and that no alert is about are known from then on, and the
 * domain is as one whose rules changed. Until that is committed nothing has happened, and it is done again;
 * what came in between is matched again by the history scan that follows. */
#ifndef CTVIGIL_LEARNKEEPER_H
#define CTVIGIL_LEARNKEEPER_H

#include <stdatomic.h>

#include "base/err.h"
#include "cli/cmd.h"
#include "db/pgconn.h"
#include "model/watch.h"

/* Every domain that is due; nothing when another process is at it. `stop` may be NULL. One that fails is
 * said, and tried again with the next look. */
MUST_USE enum err_code learnkeeper_look(const char *dsn, struct pgconn *conn, const atomic_bool *stop,
                                        struct err *why);

/* The keys that would be learned of what is stored by now, appended to watch->key_learned, which `watch`
 * knows not yet; the newest where there are too many. *left: how many those are. */
MUST_USE enum err_code learnkeeper_try(const char *dsn, struct pgconn *conn, struct watch *watch,
                                       size_t *left, struct err *why);

/* `domain learn NAME --again`: forgets what was learned of its keys, and begins anew. The exit code. */
int learnkeeper_again(const struct cmd *cmd, const char *name);

#endif
