/* What all threads of one pipeline share: options, queues, the stock of batches, the list of logs. */
#ifndef CTVIGIL_PLANT_H
#define CTVIGIL_PLANT_H

#include <stdatomic.h>

#include "base/queue.h"
#include "ingest/follow.h"
#include "ingest/issuers.h"
#include "ingest/job.h"
#include "ingest/pacer.h"
#include "ingest/pipe.h"
#include "ingest/stock.h"
#include "ingest/wire.h"

#define PLANT_SETTLERS_MAX 16

struct plant {
    struct pipe_options options; /* defaults filled in */
    char user_agent[256];
    struct wire *wire;
    struct pacer *pacer;
    struct sources sources;
    /* Of the fetch thread alone: */
    struct rate_bucket bytes; /* that may come in */
    uint64_t bytes_seen;
    bool bytes_owed; /* nothing large is asked for now */
    struct job *jobs;
    size_t job_count;
    struct stock stock;                     /* of jobs */
    struct queue replies;                   /* jobs for the workers */
    struct queue back;                      /* jobs for the fetch loop: to be asked for again */
    struct queue kicks[PLANT_SETTLERS_MAX]; /* follows for a settler */
    struct issuers *issuers;
    struct arena big; /* the shared file-backed one; made when first needed */
    bool big_made;    /* fetch thread only */
    atomic_bool big_taken;
    struct lock adding;                    /* guards appending to: */
    struct follow *follows[LIMIT_FOLLOWS]; /* only ever appended to while threads run */
    atomic_size_t follow_count;
    atomic_bool stopping;
    atomic_uint workers_left;
    atomic_uint settlers_left;
    atomic_uint_fast64_t entries;
    atomic_int_fast64_t stop_ms; /* monotonic time of the stop */
};

MUST_USE enum err_code plant_init(struct plant *plant, const struct pipe_options *options, size_t log_count,
                                  struct err *why);
void plant_fini(struct plant *plant); /* no thread runs any more */

/* Appends a follow, which is the plant's from then on. False: it is full, or follows a log at the same place
 * already. */
MUST_USE bool plant_add(struct plant *plant, struct follow *follow);
bool plant_stopping(struct plant *plant);
void plant_stop(struct plant *plant); /* from any thread */
/* Has the settler of this log look at it soon. No lock may be held. */
void plant_kick(struct plant *plant, struct follow *follow);
/* More came in than may (bytes_per_s): nothing is asked for until that is paid off, but heads, which are
 * small. Of the fetch thread; *wait_ms becomes less when it is sooner. */
bool plant_bytes_owed(struct plant *plant, int64_t now_ms, int64_t *wait_ms);
void plant_wake(struct plant *plant); /* the fetch loop */
/* More replies wait than there are workers: processor time is what is short, not the line, and a body that
 * has to be inflated takes a worker twice as long as one that comes as it is. */
bool plant_behind(struct plant *plant);
/* Back to the stock; its lane may ask for more. No lock may be held. */
void plant_job_free(struct plant *plant, struct job *job);
/* Empties the sequencer of a lane after lane_stop. No lock may be held. */
void plant_lane_drop(struct plant *plant, struct follow *follow, struct lane *lane);
void plant_told(struct plant *plant, const struct follow *follow, const char *event, uint64_t begin,
                uint64_t end);

#endif
