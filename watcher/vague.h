/* Names that can not be read for certain: whose they are is not known. Pure. */
#ifndef CTVIGIL_VAGUE_H
#define CTVIGIL_VAGUE_H

#include "model/issuance.h"

/* A label that stands for anything where no wildcard is allowed to stand, or an address of no length that
 * addresses have. */
bool vague_name(const struct name *name);
bool vague_any(const struct issuance *issuance);
/* Could there be names that nobody has seen? */
bool vague_lost(const struct issuance *issuance, const struct finding_set *oddities);

#endif
