/* What is known about one operator of logs as it answers one of our source addresses: how fast it may be
 * asked. One record for all its logs and for all processes (table operator_pace). Only ingest/tempo.c moves
 * it; times are milliseconds of one clock, that of whoever keeps the record. */
#ifndef CTVIGIL_PACE_H
#define CTVIGIL_PACE_H

#include "model/ctlog.h"

#define PACE_OPERATOR_MAX                                                                                    \
    CTLOG_OPERATOR_MAX     /* a domain name, an authority with its port, or a name somebody gave */
#define PACE_SOURCE_MAX 64 /* an address or an interface; "": as the system chooses */

/* Does it count requests by connection? Then each may have its own. */
enum pace_fresh { PACE_FRESH_UNKNOWN, PACE_FRESH_TRIED, PACE_FRESH_NO, PACE_FRESH_YES };

struct pace {
    double rate;    /* requests per second that may go out now */
    double ceiling; /* the rate that was refused last; 0: none is known */
    double tokens;  /* requests not given out yet; negative: to be waited for */
    double good;    /* good answers per second, of the last whole window */
    double sent;    /* requests per second, likewise */
    double steady;  /* good answers per second, of many windows */
    int64_t at_ms;  /* up to here it was brought up to date; 0: never */
    int64_t hold_until_ms;
    int64_t cut_ms;     /* the last decrease: refusals of requests that went out before say nothing new */
    int64_t used_ms;    /* since then, as far as somebody wanted more than there was */
    int64_t plateau_ms; /* of that, how long nothing more is tried */
    int64_t window_ms;  /* where the window began that is being counted */
    int64_t window_sent;
    int64_t window_good;
    int64_t window_refused;
    int64_t misses;   /* refusals in a row without a good answer */
    int64_t series;   /* decreases in a row that did not help at once */
    double before;    /* the rate when that row began */
    int64_t phase;    /* 0, or what is being measured (ingest/deaf.c), */
    int64_t phase_ms; /* and since when; with 0: when it was last */
    int64_t run_good; /* answers of that phase, or of late */
    int64_t run_refused;
    int64_t run_ms;   /* since when they came */
    double share;     /* of requests refused at the rate that was measured before, */
    int64_t share_of; /* by so many answers, */
    double came;      /* and good answers per second at the first of them */
    double usual;     /* of requests refused whatever the rate; 0: none are */
    int64_t known;    /* by so many answers, */
    int64_t rounds;   /* and so many times found to be the same */
    int64_t fresh;    /* enum pace_fresh */
    int64_t trial;    /* PACE_FRESH_TRIED: good answers that are still to come */
    double total;     /* requests of the last minutes, the older the less, */
    double refused;   /* and how many of them were refused */
};

#endif
