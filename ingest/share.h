/* Who gets the next batch. Batches are few and logs are many, and some of them do not answer, or answer what
 * nobody can use: a log that is well must never wait for one that is not.
 *  - A log that has delivered nothing yet, whose last replies failed, or that was silent the last time, has
 * one batch at a time, and all such logs together have half of the pool.
 *  - Any other log may have as many as are free behind it: however many are greedy, some are left.
 *  - A log without any batch takes one back when none is free: from batches that wait for issuers, from those
 *    that lie behind a gap of a failing log, from requests that were silent for too long.
 *  - Logs that are not well take turns: who waited longest is next.
 *  - Backlogs leave a quarter of the pool to the heads; one batch each they have, as long as all of these are
 *    not more than a quarter.
 * What is taken back is asked for again. On the fetch thread. */
#ifndef CTVIGIL_SHARE_H
#define CTVIGIL_SHARE_H

#include "ingest/plant.h"

#define SHARE_PATIENCE_MS_MIN 2000  /* a silent request loses its batch to others after this, */
#define SHARE_PATIENCE_MS_MAX 30000 /* doubled each time: some logs need 25 s for a page */
#define SHARE_PARKED_MS       2000  /* a log whose issuers do not come for this long counts as failing */

struct share {
    struct plant *plant;
    struct job *asked[LIMIT_BATCHES]; /* requests under way */
    size_t asked_count;
    struct job *parked; /* batches that wait for issuer certificates, linked */
    size_t failing;     /* batches of logs that are not well */
    size_t behind;      /* batches of backlogs */
    uint64_t round;
    const struct follow *first; /* of those that are not well, the one that was refused for longest */
};

/* Before a round of requests: counts anew. */
void share_round(struct share *share, int64_t now_ms);
/* A batch for the next request of the lane, with job->follow and job->lane set; NULL: not now. */
MUST_USE struct job *share_take(struct share *share, struct follow *follow, struct lane *lane,
                                int64_t now_ms);

void share_asked(struct share *share, struct job *job, int64_t now_ms);
void share_answered(struct share *share, struct job *job, int64_t now_ms);
/* Ends the requests for entries of one log. */
void share_drop(struct share *share, const struct follow *follow);

void share_park(struct share *share, struct job *job, int64_t now_ms);
/* The next one whose issuers may be there by now, or whose lane has gone; NULL: none. */
MUST_USE struct job *share_unpark(struct share *share, int64_t now_ms);

#endif
