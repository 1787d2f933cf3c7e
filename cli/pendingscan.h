/* The history of domains that wait for their scan (domain.history_at is NULL): after an upgrade all of them,
 * else those of a command that was cut off. How much is stored under the keys of some thousands is counted at
 * once, and those for which it is little share one pass. A domain with very many certificates comes behind
 * the others and is scanned a piece at a time: where it stands is in the database, so that a process that is
 * killed loses one piece, and other domains never wait for all of it. */
#ifndef CTVIGIL_PENDINGSCAN_H
#define CTVIGIL_PENDINGSCAN_H

#include "base/limits.h"
#include "db/db_pending.h"
#include "watcher/history.h"

struct pendingscan_pass {
    const char *dsn;
    /* As in struct history_reader. */
    struct db_domain_history_place *place;
    const struct db_history_size *size;
    struct history_all *all;
    const atomic_bool *stop;
};

/* history_run_all (watcher/history.h) with the trust data and lists of keys of this process; it writes by a
 * second connection to `dsn`. */
MUST_USE enum err_code pendingscan_run(const struct pendingscan_pass *pass, struct pgconn *conn,
                                       const struct watch *const *watches, size_t count,
                                       struct history_result *results, struct err *why);

#define PENDINGSCAN_MISSED 10
/* While some can not be scanned to the end (ERR_DB_PART), it is tried again now and then. All zeros: no rest.
 */
struct pendingscan_rest {
    int64_t until_ms; /* monotonic */
    uint64_t generation;
};
struct pendingscan {
    const char *dsn;
    int64_t most_ms;  /* for one look, about; 0: as long as it takes */
    int64_t piece_ms; /* for a piece of a large domain */
    int64_t rows;     /* of a domain that is large */
    /* Looks in a row at which another process was at the lists (DB_PENDING_MANY): it is left to it, but from
     * PENDINGSCAN_MISSED of them on. NULL: for ever. */
    unsigned *missed;
    struct pendingscan_rest *rest; /* from one look to the next; NULL: none */
    const atomic_bool *stop;
};
#define PENDINGSCAN_USUAL                                                                                    \
    {                                                                                                        \
        .piece_ms = LIMIT_PENDING_PIECE_MS, .rows = LIMIT_PENDING_ROWS                                       \
    }

/* Scans every pending domain that no other process is at; *more: some are left. One that fails is said and
 * stays pending; the code is that of the first failure. */
MUST_USE enum err_code pendingscan_look(const struct pendingscan *how, struct pgconn *conn, bool *more,
                                        struct err *why);

/* "12 of 1000 registered domains wait for their history scan; ..." with how long it takes at the rate that
 * was measured. */
#define PENDINGSCAN_PROGRESS_MAX 200
void pendingscan_progress(const struct db_pending_progress *progress, char *text, size_t room);

#endif
