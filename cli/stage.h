/* Where the watcher is plugged into the pipeline: ingest knows no domain, watcher knows no log. The stage holds the
 * current snapshot of registered domains and fetches a newer one when an ingest transaction says there is one. */
#ifndef CTVIGIL_STAGE_H
#define CTVIGIL_STAGE_H

#include "base/err.h"
#include "ingest/pipe.h"

struct stage;

/* Connects to `dsn` for reading domains and loads the first snapshot. */
MUST_USE enum err_code stage_open(const char *dsn, struct stage **stage, struct err *why);
/* After the pipeline has ended. */
void stage_close(struct stage *stage);
/* The hook for struct pipe_options. Thread-safe. */
struct pipe_stage stage_hook(struct stage *stage);

#endif
