/* The pipeline: one fetch loop (curl multi), N workers, a sequencer per log, M settlers. See
 * docs/internals/pipeline.md. ingest never mentions a watched domain: whoever runs the pipeline plugs the
 * matching in as a stage. */
#ifndef CTVIGIL_PIPE_H
#define CTVIGIL_PIPE_H

#include "base/err.h"
#include "db/store.h"
#include "ingest/local.h"
#include "model/batch.h"

/* Runs on the workers for every decoded batch, and again on a settler when domains changed meanwhile. */
struct pipe_stage {
    /* Matches the batch with the newest snapshot it has; `generation` 0 means any, otherwise the snapshot
     * must be at least that new (fetch it now). */
    enum err_code (*run)(void *arg, struct batch *batch, uint64_t generation, struct err *why);
    /* Tells people, at once and once, of the one entry of the batch (struct proto, decode), behind which the
     * log can not be read: nothing of it will be committed. May be NULL. */
    enum err_code (*stuck)(void *arg, struct batch *batch, struct err *why);
    void *arg;
};

/* Entries that lie here already (ingest/archive.h); only for logs whose URL begins with local->prefix. */
struct pipe_source {
    const struct local_source *local; /* NULL: there is none */
    /* On the workers, of every reply, after it was read (`code`, and `why` what was wrong with it) and before
     * anything of it is used: the last word about it. Thread-safe. */
    enum err_code (*judge)(void *arg, const struct batch *batch, enum err_code code, struct err *why);
    void *arg;
};

struct pipe_options {
    unsigned workers;      /* 0: number of processors */
    unsigned settlers;     /* 0: 1 */
    unsigned batches;      /* size of the pool; 0: 16 + 2 per log, at most LIMIT_BATCHES */
    size_t batch_bytes;    /* 0: LIMIT_BATCH_BYTES */
    size_t batch_memory;   /* what batches may keep in memory together (stock.h); 0: their number decides */
    size_t big_bytes;      /* of the one for large entries; 0: LIMIT_BIG_BATCH_BYTES */
    unsigned window;       /* replies in flight per log; 0: 8 */
    unsigned page_entries; /* get-entries: how many to ask for; 0: 256, then what the log is seen to give */
    unsigned connections;  /* kept per host, at first; 0: 6 */
    double requests_per_s; /* ceiling per operator and source address; 0: none */
    double bytes_per_s;    /* ceiling of what comes in; 0: none */
    const char *source_addresses; /* ingest/sources.h; NULL: one, as the system chooses */
    const char *http2;            /* operators (ingest/opkey.h) asked over HTTP/2; NULL: none */
    const char *no_keepalive;     /* operators for which no connection is kept; NULL: none */
    int64_t poll_ms;              /* between two looks at the head; 0: 5000 */
    int64_t partial_wait_ms;      /* how long a partial data tile may wait for its full one; 0: 5000 */
    int64_t retry_ms;       /* until a range that another process has, or moved, is tried again; 0: 3000 */
    int64_t mend_ms;        /* how long rows may wait for a mend, and it for bytes; 0: see reread.c */
    int64_t give_up_ms;     /* once: how long a log may say "busy" without anything coming; 0: 60000 */
    unsigned logs_max;      /* that may ever be added, also when others were removed; 0: LIMIT_LOGS */
    int64_t unproven_ms;    /* a smaller head that is not proven this long is told; 0: LIMIT_UNPROVEN_MS */
    uint64_t split_entries; /* a range that lags more than this behind the head is cut in two; 0: never */
    const char *user_agent;
    const char *evidence_dir; /* where evidence bundles are written; NULL: database only */
    const char *big_dir;      /* for file-backed arenas; NULL: /tmp */
    bool once;                /* read every log up to the head seen at the start, then stop */
    struct pipe_stage stage;  /* run may be NULL */
    struct pipe_source source;
    /* Makes a store for one settler thread (its own connection). */
    enum err_code (*store_open)(void *arg, struct store **store, struct err *why);
    void *store_arg;
    /* Told (from any pipeline thread) after a commit, a verified head, a mismatch: for the demo and tests;
     * may be NULL. */
    void (*told)(void *arg, const struct ctlog *log, const char *event, uint64_t begin, uint64_t end);
    void *told_arg;
};

struct pipe_result {
    bool unverified; /* a log failed verification */
    bool unread;     /* a log could not be read */
    uint64_t entries;
};

struct pipe;

/* Starts all threads. The logs are copied. */
MUST_USE enum err_code pipe_start(const struct pipe_options *options, const struct ctlog *logs,
                                  size_t log_count, struct pipe **pipe, struct err *why);
/* A log added or removed while running. ERR_EXISTS: it is there, or there is no place left (logs_max). */
MUST_USE enum err_code pipe_add(struct pipe *pipe, const struct ctlog *log, struct err *why);
void pipe_remove(struct pipe *pipe, int32_t log_id);
/* Asks it to finish what is in flight, commit and end; safe from a signal handler's thread. */
void pipe_stop(struct pipe *pipe);
/* True when it has ended by itself (once) or after pipe_stop; waits up to wait_ms (negative: without end). */
bool pipe_wait(struct pipe *pipe, int64_t wait_ms, struct pipe_result *result);
void pipe_free(struct pipe *pipe);

#endif
