/* Whose turn it is among the backlogs: stride scheduling. Each has a pass that grows by what it was given
 * over what it is worth, and the lowest pass is next. Worth is the yield: the share of its entries whose
 * issuance was not stored before, because what a faster log has shown already tells nobody anything. Pure
 * arithmetic. */
#ifndef CTVIGIL_TURN_H
#define CTVIGIL_TURN_H

#include "base/base.h"

#define TURN_YIELD_ALL                                                                                       \
    1000000u                    /* parts of a million: every entry was new; so is a log nobody has read yet  \
                                 */
#define TURN_YIELD_LEAST 62500u /* none starves: the best gets at most 16 times as much as the worst */
#define TURN_MEMORY      16384  /* entries after which a new yield counts as much as the old one */

/* All members 0 at first. */
struct turn {
    uint64_t pass;
};

/* What all of them share; 0 at first. */
struct turn_wheel {
    uint64_t pass; /* of the one whose turn it was last */
};

/* The yield after `entries` more, of which `fresh` were new; both in parts of a million. */
unsigned turn_yield(unsigned yield, uint64_t fresh, uint64_t entries);
/* `entries` were given to it. Whoever had nothing to ask for meanwhile does not make up for it. */
void turn_charge(struct turn_wheel *wheel, struct turn *turn, uint64_t entries, unsigned yield);

#endif
