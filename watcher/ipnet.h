/* Addresses and address ranges as watched items. */
#ifndef CTVIGIL_IPNET_H
#define CTVIGIL_IPNET_H

#include "base/span.h"
#include "model/watch.h"

#define IPNET_TEXT_MAX 64

/* Reads "192.0.2.7", "192.0.2.0/24", "2001:db8::/32" into ip, ip_len and ip_prefix of `item` and writes the
 * canonical text (host bits cleared, no "/32" or "/128") into out[IPNET_TEXT_MAX]. IPv4 mapped into IPv6
 * ("::ffff:192.0.2.7", RFC 4291 section 2.5.5.2) becomes IPv4: certificates use both spellings for one host.
 * False: not an address or range. */
MUST_USE bool ipnet_parse(const char *text, struct watch_item *item, char *out);

/* Does the address of 4 or 16 octets lie in the watched range? An IPv4 address mapped into IPv6 counts as
 * IPv4 too. */
bool ipnet_inside(const struct watch_item *item, struct span ip);

/* Clears the bits behind `prefix`. */
void ipnet_mask(uint8_t *ip, unsigned ip_len, unsigned prefix);

#endif
