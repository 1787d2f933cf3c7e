/* Is this certificate signed by that key? Used for watch hits and issuer certificates only, never per entry.
 */
#ifndef CTVIGIL_CERTSIG_H
#define CTVIGIL_CERTSIG_H

#include "base/span.h"

/* `cert_der`: a whole certificate; `issuer_spki`: DER SubjectPublicKeyInfo. False: does not verify or
 * unreadable. */
MUST_USE bool certsig_verify(struct span cert_der, struct span issuer_spki);

#endif
