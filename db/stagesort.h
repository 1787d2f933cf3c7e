/* PRIVATE TO db/. The rows of a commit in the order of (tbs_fp, issuer, index): copies of an issuance stand
 * together, and every writer takes its locks in the same order. */
#ifndef CTVIGIL_STAGESORT_H
#define CTVIGIL_STAGESORT_H

#include "db/stage.h"

/* `spare` has room for as many. The two change places. Who makes fingerprints that begin alike costs no more
 * than qsort does. */
void stagesort_rows(struct stage_row **rows, struct stage_row **spare, size_t count);

#endif
