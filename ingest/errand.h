/* The small requests of the fetch loop: heads, issuer certificates, and what a frontier is rebuilt from. */
#ifndef CTVIGIL_ERRAND_H
#define CTVIGIL_ERRAND_H

#include "ingest/plant.h"

#define ERRAND_ISSUERS     64 /* issuer certificates under way at once */
#define ERRAND_ISSUERS_LOG 4  /* of one log; 1 while its last one failed */

struct errand;

struct errand *errand_new(struct plant *plant); /* NULL: out of memory */
void errand_free(struct errand *errand);        /* nothing may be under way */

/* Sends what is due for this log; lowers *wait_ms to when something will be due. */
void errand_run(struct errand *errand, struct follow *follow, int64_t now_ms, int64_t *wait_ms);
/* Gives up what is under way for a log that was removed. */
void errand_drop(struct errand *errand, struct follow *follow);

#endif
