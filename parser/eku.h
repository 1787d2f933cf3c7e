/* Purposes of a key: every OID of an extended key usage extension (RFC 5280 section 4.2.1.12), and the bits
 * of key usage (4.2.1.3) by name. Zero copy, no allocation. What policies ask for is in cert->flags and
 * cert->key_usage_bits already. */
#ifndef CTVIGIL_EKU_H
#define CTVIGIL_EKU_H

#include "parser/der.h"
#include "parser/oid.h"

struct eku {
    struct der in;
    bool damaged; /* something could not be read */
    struct finding_set ignored;
};

/* `ext_value`: cert->eku, or the value of another extension that is a SEQUENCE OF OID; absent gives nothing.
 * `eku` must not be copied afterwards. */
void eku_init(struct eku *eku, struct span ext_value);
/* The content octets of the next OID. False: no more; `damaged` says whether that is the whole truth. */
bool eku_next(struct eku *eku, struct span *oid);

#define EKU_USAGES 9
/* "digitalSignature" for bit 0 to "decipherOnly" for bit 8: bit i is 0x8000 >> i of cert->key_usage_bits. */
const char *eku_usage_name(unsigned bit);

#endif
