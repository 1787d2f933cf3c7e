/* Where the watcher is plugged into the pipeline: ingest knows no domain, watcher knows no log. The stage
 * holds the current snapshot of registered domains and fetches a newer one when an ingest transaction says
 * there is one. */
#ifndef CTVIGIL_MATCHING_H
#define CTVIGIL_MATCHING_H

#include "base/err.h"
#include "ingest/pipe.h"
#include "watcher/history.h"

struct matching;

/* Connects to `dsn` for reading domains and loads the first snapshot. */
MUST_USE enum err_code matching_open(const char *dsn, struct matching **matching, struct err *why);
/* After the pipeline has ended. */
void matching_close(struct matching *matching);
/* The hook for struct pipe_options. Thread-safe. */
struct pipe_stage matching_hook(struct matching *matching);
/* For the history scan: entries that were kept raw are read again as the pipeline read them. `conn` is used
 * during the scan, for issuers that a chain names by their hash. */
struct history_reader matching_reader(struct pgconn *conn, const atomic_bool *stop);

#endif
