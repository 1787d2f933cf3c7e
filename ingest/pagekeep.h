/* What a log was seen to give per get-entries request is kept for the next start (ctlog.page), so that no
 * operator is asked for too much again and again. */
#ifndef CTVIGIL_PAGEKEEP_H
#define CTVIGIL_PAGEKEEP_H

#include "ingest/plant.h"

/* The pacer of this pipeline, which also keeps what was learned. NULL: out of memory. */
MUST_USE struct pacer *pagekeep_pacer(struct plant *plant);
/* The plan of a log that begins to be followed: as learned before, else as known of its operator. */
void pagekeep_recall(struct follow *follow);

#endif
