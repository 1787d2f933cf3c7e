/* How certificates for one set of names usually follow each other: learned from what was issued, so that a
 * renewal that does not come is told, and one that comes as always is not. Issuances that begin soon after
 * each other (two key types, one for each server) count as one renewal. Pure. */
#ifndef CTVIGIL_CADENCE_H
#define CTVIGIL_CADENCE_H

#include "base/base.h"

#define CADENCE_LEAST 3 /* renewals from which something is learned */
#define CADENCE_MOST  9 /* the newest ones count: habits change */

struct cadence_one {
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
};

struct cadence {
    size_t renewals; /* that it was learned from; below CADENCE_LEAST nothing else is set */
    int64_t life_s;  /* usual length of life (median) */
    int64_t point_s; /* usual time after which the next one begins (median) */
    int late;        /* the latest part of its life at which one was renewed in time, in 1/1000 */
    int spread;      /* from the earliest of these parts to the latest, in 1/1000 */
    int early;       /* the earliest, of issuances counted one by one, in 1/1000 */
};

/* `ones` in the order of not_before. */
void cadence_learn(const struct cadence_one *ones, size_t count, struct cadence *cadence);
static inline bool cadence_known(const struct cadence *cadence)
{
    return cadence->renewals >= CADENCE_LEAST;
}
/* The moment from which a certificate waits for its renewal for longer than usual: a twentieth of its life,
 * and a day at least, after the latest part of life at which others were renewed. What was renewed in its
 * last moments, or after its end, was no habit; never later than a fiftieth of its life before its end. */
int64_t cadence_overdue(const struct cadence *cadence, const struct cadence_one *one);
/* The moment from which it can be said that its renewal is missing: as much later as the others differed, and
 * of CADENCE_LEAST a further twentieth, because two pauses show little of how long they may be. As late at
 * most. */
int64_t cadence_missing(const struct cadence *cadence, const struct cadence_one *one);

#endif
