/* Asks every followed log once a day which roots it accepts (ingest/rootlist.h), one log after the other, and
 * stores them (db/db_root.h). For processes that read logs; of any number over one database one asks each
 * log. */
#ifndef CTVIGIL_ROOTKEEPER_H
#define CTVIGIL_ROOTKEEPER_H

#include "base/conf.h"
#include "base/err.h"

struct rootkeeper;

/* A thread that looks at once and every few seconds. `conf` must live until rootkeeper_stop. */
MUST_USE enum err_code rootkeeper_start(const struct conf *conf, const char *dsn, struct rootkeeper **keeper,
                                        struct err *why);
/* Ends what is under way, too. NULL is fine. */
void rootkeeper_stop(struct rootkeeper *keeper);

#endif
