/* The name of a registered domain, as a user types it: a host name (U-labels, capital letters, a dot in front
 * or at the end are fine), an address, a range of addresses, or something of another kind with that kind in
 * front: "email:", "uri:", "spki:", "org:". */
#ifndef CTVIGIL_WATCHNAME_H
#define CTVIGIL_WATCHNAME_H

#include "base/dns.h"
#include "base/err.h"
#include "db/pgconn.h"
#include "model/watch.h"

/* Writes the name as it is stored into out and fills kind, ip, ip_len and ip_prefix of `watch`. ERR_USAGE
 * says what it looks like instead (a URL, host:port, a mail address, an address with too large a number, a
 * range with host bits set) and what to write. */
MUST_USE enum err_code watchname_read(const char *typed, struct watch *watch, char out[DNS_TEXT_MAX],
                                      struct err *why);

/* The same for one kind, whose prefix ("email:", as in `search`) may be left out: an e-mail address or the
 * host of addresses, a URI or a host ("spiffe://example.org" is the host), the SHA-256 of a key, an
 * organisation. */
MUST_USE enum err_code watchname_read_kind(const char *typed, enum watch_kind kind, struct watch_item *item,
                                           char out[DNS_TEXT_MAX], struct err *why);

/* What is unwise about watching it, as a sentence: NULL, or that everything matches. The public suffix list
 * must be loaded. */
const char *watchname_warning(const struct watch *watch, const char *name);

#endif
