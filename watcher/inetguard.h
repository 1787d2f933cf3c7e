/* Which addresses a webhook may reach. Who may name a URL must not reach what only this machine can: asked of
 * the address that is really connected to, so that a name that resolves to another address later, or a number
 * written in an odd way, makes no difference. */
#ifndef CTVIGIL_INETGUARD_H
#define CTVIGIL_INETGUARD_H

#include <sys/socket.h>

#include "base/base.h"

enum inetguard_level { INETGUARD_PUBLIC, INETGUARD_LOOPBACK, INETGUARD_ANY };

/* Is it an address of the public internet (IANA's special-purpose registries, RFC 6890 and its updates)?
 * IPv4 within IPv6 (mapped, NAT64, 6to4) is judged as IPv4. */
bool inetguard_public(const struct sockaddr *address);
bool inetguard_loopback(const struct sockaddr *address);
bool inetguard_allows(enum inetguard_level level, const struct sockaddr *address);

#endif
