/* For which names is a certificate? As people read it: how many, which wildcards, grouped by registrable
 * domain when there are many, and what stands in the common name alone. */
#ifndef CTVIGIL_CERTNAMES_H
#define CTVIGIL_CERTNAMES_H

#include "cli/sheet.h"
#include "model/issuance.h"

/* Rows "names" and what else there is. */
void certnames_put(struct sheet *sheet, const struct issuance *issuance);
/* The name that stands for all of them: the common name when it is one of them, else the first; as people
 * write it. False: there is none. */
bool certnames_first(const struct issuance *issuance, struct buf *out);
/* How many there are, common names that repeat none of the others included. */
size_t certnames_count(const struct issuance *issuance);

#endif
