/* Two ranges of a log of which one ends where the other begins: what follows from what is known of them.
 * Pure; the contract is that of range_meet in db/store.h. */
#ifndef CTVIGIL_MEET_H
#define CTVIGIL_MEET_H

#include "db/store.h"

/* LENT and JOINED: may be done now. */
enum store_meet meet_judge(const struct store_range *lower, const struct store_range *upper, bool blind);
/* The one range, of the upper one's id, after meet_judge said JOINED. */
void meet_join(const struct store_range *lower, const struct store_range *upper, struct store_range *joined);

#endif
