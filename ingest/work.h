/* A worker: reply bytes to entries, examined, hashed and matched, and into the sequencer of its lane. Any
 * number of them; each owns its inflate state and nothing else. */
#ifndef CTVIGIL_WORK_H
#define CTVIGIL_WORK_H

#include "ingest/plant.h"

/* Runs until the queue of replies is closed and empty; the last worker closes the settlers' queues. `arg` is
 * the plant. */
void work_run(void *arg);

/* Decodes and examines one reply, without network and without a pipeline: what a worker does for every batch,
 * up to the matching. A gzip body is inflated first. */
struct gunzip;
MUST_USE enum err_code work_decode(const struct proto *proto, struct batch *batch, unsigned width,
                                   struct gunzip *gunzip, struct err *why);

/* Runs the matching stage over the batch; again: what it made before is forgotten first (batch->stage_mark).
 * Proving the issuers of what is hit is the stage's business (watcher/match.h, struct match_prove). */
MUST_USE enum err_code work_match(const struct pipe_stage *stage, struct batch *batch, uint64_t generation,
                                  struct err *why);

#endif
