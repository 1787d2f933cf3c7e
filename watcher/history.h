/* The policy of a newly registered domain over what is stored already. Together with the generation lock of
 * ingest (db/db_domain.h) nothing is missed: what is committed before the domain's generation is found here,
 * what comes later is matched by the writer. It may run again at any time: an alert that exists is only added
 * to. */
#ifndef CTVIGIL_HISTORY_H
#define CTVIGIL_HISTORY_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/watch.h"

struct history_result {
    uint64_t concerned; /* stored issuances that concern the domain */
    uint64_t raised;    /* new alerts */
    /* As expected, but only the log says who issued it: no precertificate commits to the key, and the
     * certificate's bytes are no longer there to check the signature with. */
    uint64_t claimed;
};

/* `read` and `write` are two connections: rows are written while others are still being read. Marks the
 * domain as done at the end. */
MUST_USE enum err_code history_run(struct pgconn *read, struct pgconn *write, const struct watch *watch,
                                   struct history_result *result, struct err *why);

#endif
