/* How fast an operator is asked: what a refusal, a good answer and the passing of time do to its struct pace.
 * Pure arithmetic over times the caller brings; no clock, no network, no store.
 *
 * It begins modestly and doubles every second until the first refusal (429, 503, a time-out). The rate that
 * then came through is the ceiling; asking goes on a little below it, and after a while slowly beyond it, the
 * slower the more often the ceiling proved right (as CUBIC does, RFC 9438). Nothing grows while nobody wants
 * more than there is. Refusals that do not become fewer when we ask less are not taken for our doing: then
 * the rate stays. A refusal without Retry-After may be a limit by connection: once, connections of their own
 * are tried. */
#ifndef CTVIGIL_TEMPO_H
#define CTVIGIL_TEMPO_H

#include "model/pace.h"

#define TEMPO_RATE_MIN 0.5 /* requests per second */

struct tempo_bounds {
    double start; /* requests per second, until something is known */
    double max;
    double min; /* never less than this, except while held; at least TEMPO_RATE_MIN */
    bool known; /* `start` is what this operator is known to allow: nothing is doubled */
    bool kept;  /* connections are kept whatever happens: no trial of fresh ones */
    bool fresh; /* every request has its own from the beginning */
};

/* What was heard since the last turn, from one process. */
struct tempo_heard {
    unsigned sent;
    unsigned good;           /* answers that are no refusal, whatever else they are */
    unsigned refused;        /* 429, 503, time-outs */
    int64_t refused_sent_ms; /* when the refused one that went out last did so */
    int64_t hold_ms;         /* longest Retry-After, from now; 0: none was said */
    bool starved;            /* somebody waited because of this budget alone */
};

void tempo_init(struct pace *pace, const struct tempo_bounds *bounds, int64_t now_ms);
/* Brings it up to `now_ms`. A clock that went back takes nothing and gives nothing. */
void tempo_turn(struct pace *pace, const struct tempo_bounds *bounds, const struct tempo_heard *heard,
                int64_t now_ms);
/* Milliseconds between two requests of one process: a limit may allow the rate and no two at once. */
double tempo_gap_ms(const struct pace *pace);
/* How many requests may be in one hand at once, for the next `slice_ms`. */
double tempo_slice(const struct pace *pace, int64_t slice_ms);
/* Takes up to `want` whole requests of tempo_slice; returns how many; 0 while held. */
double tempo_lease(struct pace *pace, double want, int64_t slice_ms, int64_t now_ms);
/* What was leased and not used comes back; negative: more was used. */
void tempo_return(struct pace *pace, double unused);
/* Are requests to go out over connections of their own? */
bool tempo_fresh(const struct pace *pace);
/* How long to wait after the n-th refusal in a row (n > 0) of an operator that does not say it. */
int64_t tempo_backoff_ms(int64_t misses);

#endif
