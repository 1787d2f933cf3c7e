/* The members of `ctvigil cert --json` beyond those that DESIGN's contract spells: everything else that a
 * certificate says, and the names as matching sees them. ctvigil-cert(5) describes each of them. */
#ifndef CTVIGIL_CERTFACTS_H
#define CTVIGIL_CERTFACTS_H

#include <jansson.h>

#include "model/cert.h"
#include "model/issuance.h"

/* Adds them to `object`. Lists that are not the whole truth, because their extension could not be read to its
 * end, are named in the member "damaged". */
void certfacts_set(json_t *object, const struct cert *cert, const struct issuance *issuance);

#endif
