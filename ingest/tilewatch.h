/* Where the check of data tiles (tilecheck.h) meets the pipeline: the fetch loop asks for hash tiles, the
 * workers look, and the settler tells of a tile that lastingly does not fit, as evidence bad_tile with the
 * leaves and the hash tile: at most FOLLOW_CONDEMNED_MAX for each verified size. Its entries are stored and
 * matched like all others; whether they are verified the signed root decides. */
#ifndef CTVIGIL_TILEWATCH_H
#define CTVIGIL_TILEWATCH_H

#include "ingest/settle.h"
#include "ingest/wire.h"

/* Fetch loop, with the lock of the follow held: the job is about to be asked for. */
void tilewatch_plan(struct job *job, int64_t now_ms);
/* Fetch loop: asks for a hash tile that is wanted. */
void tilewatch_run(struct plant *plant, struct follow *follow, int64_t now_ms);
/* Fetch loop: what the job waited for is there, or will not come. */
bool tilewatch_ready(const struct job *job, int64_t now_ms);

enum tilewatch_pass { TILEWATCH_PASS, TILEWATCH_WAIT, TILEWATCH_AGAIN };

/* Worker, after decoding: may the batch be used? Makes the root of a full data tile (job->tile_root) on the
 * way, which the settler needs anyway. TILEWATCH_AGAIN: job->why says why. */
enum tilewatch_pass tilewatch_look(struct job *job);

/* Settler, when the batches are stored, or were read a second time. */
void tilewatch_tell(struct settle *settle, struct follow *follow, struct job *const *jobs, size_t count);

#endif
