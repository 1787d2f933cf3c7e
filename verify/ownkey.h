/* The public half of a private key of one's own. */
#ifndef CTVIGIL_OWNKEY_H
#define CTVIGIL_OWNKEY_H

#include "base/span.h"

/* SHA-256 of the SubjectPublicKeyInfo that belongs to a private key: PKCS#8 (RFC 5958), or the older forms of
 * RSA (RFC 8017 appendix A.1.2) and EC keys (RFC 5915); DER, not encrypted. False: it is none. Keeps nothing
 * of the key. */
MUST_USE bool ownkey_public(struct span der, uint8_t spki_sha256[32]);

#endif
