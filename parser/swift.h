/* The quick way through certificates as nearly all of them are: DER in its one form, version 3, the usual
 * parts in their usual places, nothing to remark. Reads them to the same facts as the reader of parser/tbs.h
 * in a fraction of the time, and gives up at the first thing that is different, whatever it is.
 *
 * It judges nothing: "no" only means that the other reader is to be asked, which decides. Whoever wants a
 * certificate read calls parser/tbs.h. */
#ifndef CTVIGIL_SWIFT_H
#define CTVIGIL_SWIFT_H

#include "model/cert.h"

/* True: every field of `cert` is what tbs_reread_certificate would have written, and there are no findings.
 * False: `cert` holds nothing of use. */
bool swift_certificate(struct span der, struct cert *cert);

/* The same for a bare TBSCertificate with its header. */
bool swift_tbs(struct span tbs, struct cert *cert);

#endif
