/* The one fetch loop: asks all logs for heads, entries and what else is needed, within the manners of host.h,
 * and hands replies to the workers. It retries, splits what is too large and asks again for what did not
 * come; it reads nothing of the bytes. */
#ifndef CTVIGIL_FETCH_H
#define CTVIGIL_FETCH_H

#include "ingest/plant.h"

/* Runs until plant_stopping, then gives up what is under way and closes the queue of replies. `arg` is the
 * plant. */
void fetch_run(void *arg);

#endif
