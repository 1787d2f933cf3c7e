/* A closer look at a certificate that could be read: what is against the rules in it without being in the way
 * of reading. It follows every extension to its end and holds it against RFC 5280, RFC 6962, X.690 and those
 * of the Baseline Requirements that bytes alone can answer; no clock, no list of logs, no trust store. Linear
 * in the size of the certificate, no allocation; it costs more than reading the certificate did, so it is for
 * people who look at one, not for every entry of a log. */
#ifndef CTVIGIL_LINT_H
#define CTVIGIL_LINT_H

#include "model/cert.h"

#define LINT_OVERSIZE 65536 /* octets; TLS libraries limit whole chains to 64 to 100 kB */

/* `cert`: as parser/tbs.h filled it. Adds to `findings` what reading has not said already; an extension whose
 * details can not be read is FINDING_EXTENSION_UNREADABLE. Of a certificate that could not be read as a whole
 * (FINDING_CERTIFICATE_UNREADABLE) nothing is asked, and where extensions are lost none is called missing. */
void lint_read(const struct cert *cert, struct finding_set *findings);

#endif
