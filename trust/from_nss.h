/* NSS certdata.txt (lib/ckfw/builtins of NSS): roots of Mozilla with their trust, and the day after which new
 * certificates are not taken. Certificates are joined with their trust by issuer and serial number. */
#ifndef CTVIGIL_FROM_NSS_H
#define CTVIGIL_FROM_NSS_H

#include "trust/catake.h"

bool from_nss_is(struct span text);
/* False: it is cut off, and what was taken is not to be used. */
MUST_USE bool from_nss_read(struct span text, struct catake *take, struct catake_file *file);

#endif
