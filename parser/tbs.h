/* X.509 certificates (RFC 5280 section 4.1): one pass, zero copy, no allocation. Lenient where the world is
 * wrong: the oddity becomes a finding and reading goes on wherever the next element can still be found. */
#ifndef CTVIGIL_TBS_H
#define CTVIGIL_TBS_H

#include "model/cert.h"

/* A whole Certificate in DER (or the BER that real CAs wrote). False: not even the outer structure could be
 * read (FINDING_CERTIFICATE_UNREADABLE is set and the fields found until then are kept). Bytes behind the
 * certificate are FINDING_TRAILING_BYTES and are not part of cert->der. */
bool tbs_read_certificate(struct span der, struct cert *cert);

/* A bare TBSCertificate with its header, as in a precert leaf. */
bool tbs_read(struct span tbs, struct cert *cert);

/* The same two without the quick way of parser/swift.h: same result, several times slower. For tests that
 * hold one against the other. */
bool tbs_reread_certificate(struct span der, struct cert *cert);
bool tbs_reread(struct span tbs, struct cert *cert);

#endif
