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

/* The parts of a key, for those who want to show or judge it. */
struct spki_key {
    struct span algorithm; /* the AlgorithmIdentifier with its header */
    struct span params;    /* everything behind its OID; absent when nothing is there */
    uint8_t unused;        /* unused bits that the BIT STRING declares; 0 is right for every algorithm */
    struct span bits;      /* the BIT STRING without that octet */
    struct span modulus;   /* RSA, RSA-PSS: content octets of the INTEGERs; otherwise absent */
    struct span exponent;
};

/* False: the structure can not be read; what could be is filled. */
bool spki_open(const struct cert *cert, struct spki_key *key);

/* Name of the key algorithm for output: cert_key_alg_name, or the short name of its OID where that says more
 * (ML-DSA parameter sets, key exchange algorithms); NULL for an algorithm nobody here knows. */
const char *spki_alg_name(const struct cert *cert);

#endif
