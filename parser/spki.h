/* SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7): which algorithm, which curve, how many bits. It does not
 * check that the key is a valid point or a good modulus. Zero copy, no allocation. */
#ifndef CTVIGIL_SPKI_H
#define CTVIGIL_SPKI_H

#include "model/cert.h"

/* Fills key_oid, curve_oid, key_alg and key_bits of `cert` from cert->spki. key_bits: bit length of the
 * modulus (RSA), of the prime (DSA, DH), of the field (EC; from the point when the curve is not known by
 * name), 256 and 456 for Ed25519 and Ed448; 0 when unknown. FINDING_SPKI_UNREADABLE when the structure can
 * not be read. */
void spki_read(struct cert *cert);

/* Name of the key algorithm for output: cert_key_alg_name, or the short name of its OID where that says more
 * (ML-DSA parameter sets, key exchange algorithms); NULL for an algorithm nobody here knows. */
const char *spki_alg_name(const struct cert *cert);

#endif
