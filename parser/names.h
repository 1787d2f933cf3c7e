/* Every name a certificate stands for, normalised: alternative names of all nine kinds from every SAN
 * extension, and all common names (flagged). Fail-safe: what can not be read becomes a placeholder; there is
 * never "no name" because of damage. */
#ifndef CTVIGIL_NAMES_H
#define CTVIGIL_NAMES_H

#include "base/arena.h"
#include "model/cert.h"
#include "model/name.h"

/* Collects the names of `cert` into `arena` (text and raw spans point into it or into the certificate) and
 * adds the findings met on the way to `findings`. Duplicates (same kind and text) come once; a CN that is
 * also a SAN is not listed again. When the arena is full the last name is the placeholder "?" with
 * FINDING_NAMES_TRUNCATED. */
void names_collect(const struct cert *cert, struct arena *arena, struct name **names, size_t *count,
                   struct finding_set *findings);

#endif
