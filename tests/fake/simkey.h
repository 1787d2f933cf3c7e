/* Key pairs that are a function of their label: the same simulator always has the same CAs and logs. Test
 * keys: whoever reads this file can make them. */
#ifndef CTVIGIL_SIMKEY_H
#define CTVIGIL_SIMKEY_H

#include <openssl/evp.h>

#include "base/buf.h"

/* P-256. The caller frees with EVP_PKEY_free. Aborts when OpenSSL refuses. */
EVP_PKEY *simkey_ec(const char *label, uint64_t number);
/* RSA, 2048 bits; takes about a tenth of a second. */
EVP_PKEY *simkey_rsa(const char *label, uint64_t number);

/* Appends the DER SubjectPublicKeyInfo. */
void simkey_spki(const EVP_PKEY *key, struct buf *out);
void simkey_spki_sha256(const EVP_PKEY *key, uint8_t out[32]);
/* Appends an RFC 5246 DigitallySigned over `message` (SHA-256, ECDSA). */
void simkey_sign(EVP_PKEY *key, struct span message, struct buf *out);

#endif
