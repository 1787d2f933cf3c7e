/* Certification requests (PKCS#10, RFC 2986): key, subject and requested extensions (RFC 2985 section 5.4.2)
 * of a request as those of a certificate. Zero copy, no allocation. The signature is not checked. */
#ifndef CTVIGIL_CSR_H
#define CTVIGIL_CSR_H

#include "model/cert.h"

/* Fills subject, spki, exts and what the extensions say of an otherwise empty `cert`, with findings. False:
 * `der` is no request, or its key can not be read. */
MUST_USE bool csr_read(struct span der, struct cert *cert);

#endif
