/* Public keys that give their private key away, or protect less than their owner believes (BR 6.1.5 and
 * 6.1.6; CVE-2017-15361, CVE-2022-26320). Tests of the number itself; which keys have leaked is a matter of
 * lists. For certificates of watched names only: 1.8 ms for a sound key of 2048 bits, all but a tenth of
 * it to prove that it is no prime (no prime is ever taken for a sound modulus; another number is taken for a
 * prime with a probability below 2^-128), 15 ms for one of 4096. Pure. It finds no factors that take
 * more than that, and does not compare one key with others. */
#ifndef CTVIGIL_WEAKKEY_H
#define CTVIGIL_WEAKKEY_H

#include "base/span.h"

enum weakkey {
#define X(name, word, sentence) WEAKKEY_##name,
#include "verify/weakkey.def"
#undef X
    WEAKKEY_COUNT
};

const char *weakkey_word(enum weakkey flaw);     /* "roca" */
const char *weakkey_sentence(enum weakkey flaw); /* goes on after "the key is weak: " */

/* Content octets of the two INTEGERs of an RSAPublicKey (RFC 8017 A.1.1). Each result is a set of bits
 * 1 << enum weakkey; 0: nothing is known against it. Of a modulus of more than LIMIT_WEAKKEY_BITS only
 * parity, small factors and the exponent are looked at. */
uint32_t weakkey_rsa(struct span modulus, struct span exponent);
/* `curve`: content octets of the OID of a named curve, absent when the curve is written out or missing;
 * `point`: ECPoint (SEC 1 section 2.3.3). */
uint32_t weakkey_ec(struct span curve, struct span point);

/* SHA-1 as lists of known keys have it: of the line "Modulus=HEX" that `openssl rsa -noout -modulus` prints
 * (the lists of openssl-blacklist hold its last ten octets), and of the octets of the modulus. */
void weakkey_modulus_line_sha1(struct span modulus, uint8_t out[20]);
void weakkey_modulus_sha1(struct span modulus, uint8_t out[20]);

#endif
