/* Asks every followed log once a day which roots it accepts (ingest/rootlist.h), one log after the other, and
 * stores them (db/db_root.h). For processes that read logs; of any number over one database one asks each
 * log. */
#ifndef CTVIGIL_ROOTKEEPER_H
#define CTVIGIL_ROOTKEEPER_H

#include <stdatomic.h>

#include "base/conf.h"
#include "db/pgconn.h"

struct rootkeeper;

/* A thread that looks at once and every few seconds. `conf` must live until rootkeeper_stop. */
MUST_USE enum err_code rootkeeper_start(const struct conf *conf, const char *dsn, struct rootkeeper **keeper,
                                        struct err *why);
/* Ends what is under way, too. NULL is fine. */
void rootkeeper_stop(struct rootkeeper *keeper);

/* One log that is due; *asked false: none is. What the log answers, or that it does not, is not an error. */
MUST_USE enum err_code rootkeeper_one(struct pgconn *conn, const char *user_agent, const atomic_bool *stop,
                                      bool *asked, struct err *why);

#endif
