/* The long-running parts as the commands use them: a pipeline with its logs, options from the configuration,
 * signals. */
#ifndef CTVIGIL_ROLES_H
#define CTVIGIL_ROLES_H

#include <stdatomic.h>

#include "cli/cmd.h"
#include "db/store.h"
#include "ingest/pipe.h"

struct roles_ingest; /* a running pipeline, its stage and its list of logs */

struct roles_options {
    bool once;
    bool no_list; /* the logs are those that are registered: no log list is looked at (nor with once or only)
                   */
    const char *const *only; /* names of the logs to read; NULL: all */
    size_t only_count;
    void (*told)(void *arg, const struct ctlog *log, const char *event, uint64_t begin, uint64_t end);
    void *told_arg;
    int64_t poll_ms;   /* 0: from the configuration */
    unsigned logs_max; /* 0: LIMIT_LOGS; places for logs, until reading starts afresh */
};

/* Starts reading, and looking after what is pending (cli/caretaker.h) and the log list (cli/listkeeper.h).
 * `conn` is an open connection for the list of logs. ERR_NOT_FOUND: one of `only` is not registered. */
MUST_USE enum err_code roles_ingest_start(const struct cmd *cmd, struct pgconn *conn,
                                          const struct roles_options *options, struct roles_ingest **ingest,
                                          struct err *why);
/* Adds and removes logs that were registered or removed since the last call, and takes up anew those whose
 * URL or protocol changed; for `run`, every few seconds. */
void roles_ingest_refresh(struct roles_ingest *ingest, struct pgconn *conn);
bool roles_ingest_wait(struct roles_ingest *ingest, int64_t wait_ms, struct pipe_result *result);
/* Finishes what is in flight, commits, ends. NULL is fine. */
void roles_ingest_stop(struct roles_ingest *ingest, struct pipe_result *result);

/* What every long-running command begins with: its options (it takes no operands), the signals, the database.
 * Returns CMD_OK with *conn open, or the exit code after it was said why. */
struct opt;
MUST_USE int roles_begin(const struct cmd *cmd, const struct opt *options, struct pgconn **conn);

/* From now on SIGINT and SIGTERM set a flag; a second one ends the process at once. */
void roles_signals(void);
bool roles_stopping(void);
/* The same, for who waits. */
const atomic_bool *roles_stop_flag(void);
/* db.store and db.der, for whoever opens a store. */
void roles_keep_set(const struct conf *conf, struct store *store);
/* User-Agent with the configured contact. */
const char *roles_user_agent(const struct conf *conf, char *out, size_t out_cap);

#endif
