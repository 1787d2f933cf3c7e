/* Is a certificate inside the names that a CA may issue for? Name constraints as RFC 5280 section 4.2.1.10
 * has them, for DNS names and addresses, which are what servers are known by; and lists of domains that a
 * store keeps in its own code. */
#ifndef CTVIGIL_CANAMES_H
#define CTVIGIL_CANAMES_H

#include "model/name.h"

/* `constraints`: value of the extension. A name that can not be read is inside nothing. Names from a common
 * name count when they look like a host or an address. False: *outside is the first name that is not allowed.
 */
bool canames_inside(struct span constraints, const struct name *names, size_t count,
                    const struct name **outside);
/* Every DNS name at or below one of `domains` (lower case, parted by spaces); addresses are outside. */
bool canames_below(const char *domains, const struct name *names, size_t count, const struct name **outside);

#endif
