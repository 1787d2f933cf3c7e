/* Subject and key of the CA certificates that come with the entries of RFC 6962 logs. The same few hundred
 * certificates come again with nearly every entry, so what was read of one is remembered per thread; a
 * certificate is recognised by all of its bytes, never by a hash alone. Nothing here says that a certificate
 * is trusted or belongs to an entry. */
#ifndef CTVIGIL_CHAINKEY_H
#define CTVIGIL_CHAINKEY_H

#include "base/span.h"

struct chainkey {
    struct span subject;     /* Name with header; absent when it could not be read */
    bool has_key;            /* false: the public key could not be read */
    uint8_t spki_sha256[32]; /* of the SubjectPublicKeyInfo */
    uint8_t sha256[32];      /* of the whole certificate; set with has_key, up to LIMIT_ISSUER_BYTES */
};

/* Valid until the next call on the same thread, and only as long as `der` is. Never NULL. */
const struct chainkey *chainkey_of(struct span der);

#endif
