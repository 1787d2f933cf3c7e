/* The certificates in PKCS#7 or CMS signed data (RFC 5652 section 5.1), one by one, as the bytes that stand
 * there. No signature is checked and nothing is judged: a library would refuse the whole for one odd
 * certificate. Zero copy, no allocation. */
#ifndef CTVIGIL_PKCS7_H
#define CTVIGIL_PKCS7_H

#include "parser/der.h"

struct pkcs7 {
    struct der certs;
    bool damaged; /* something could not be read: there may be more certificates than were given out */
    struct finding_set ignored;
};

/* `bytes`: a ContentInfo. `pkcs7` must not be copied afterwards. */
void pkcs7_init(struct pkcs7 *pkcs7, struct span bytes);
/* The next certificate with its header; attribute certificates are passed over. False: no more; `damaged`
 * says whether that is the whole truth. */
bool pkcs7_next(struct pkcs7 *pkcs7, struct span *der);

#endif
