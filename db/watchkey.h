/* PRIVATE TO db/. Which key of a policy somebody meant who wrote another one. */
#ifndef CTVIGIL_WATCHKEY_H
#define CTVIGIL_WATCHKEY_H

#include "base/base.h"

#define WATCHKEY_MAX 64 /* longer ones are near to nothing */

/* How many letters have to be added, left out, changed, or swapped with the next one; 99 where either is too
 * long. */
unsigned watchkey_distance(const char *typed, const char *known);
/* Is one of that distance a slip of that word? A third of it, and two at most. */
bool watchkey_near(const char *typed, unsigned distance);

#endif
