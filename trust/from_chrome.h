/* The Chrome Root Store: root_store.textproto (which certificates, with constraints) and root_store.certs
 * (the certificates). Judged is the newest Chrome: constraint sets for older versions alone are left out. Of
 * several sets, any of which is enough, the one with the latest moment counts. Further certificates
 * (additional_certs) are roots when they say so; those for qualified website certificates alone, and Merkle
 * tree certificates, are no roots for TLS. */
#ifndef CTVIGIL_FROM_CHROME_H
#define CTVIGIL_FROM_CHROME_H

#include "trust/catake.h"

bool from_chrome_is(struct span text);
/* False: it is cut off, and what was taken is not to be used. */
MUST_USE bool from_chrome_read(struct span text, struct catake *take, struct catake_file *file);

#endif
