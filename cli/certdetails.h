/* What a key may do and where to ask about it: the extensions of a certificate, and its key and signature, as
 * people read them. Every extension is named; those that nobody here knows with OID and size. */
#ifndef CTVIGIL_CERTDETAILS_H
#define CTVIGIL_CERTDETAILS_H

#include "cli/sheet.h"
#include "model/cert.h"

/* May extensions stand in what could not be read? Then that one was not seen says nothing. */
bool certdetails_lost(const struct cert *cert);
/* Rows from "key" to "extensions". */
void certdetails_put(struct sheet *sheet, const struct cert *cert);
/* A row of one hex value. */
void certdetails_hex(struct sheet *sheet, const char *label, struct span bytes);

#endif
