/* What a user names as an allowed CA, turned into the key it stands for. */
#ifndef CTVIGIL_ALLOW_H
#define CTVIGIL_ALLOW_H

#include "base/err.h"
#include "model/watch.h"

/* "spki:HEX" (SHA-256 of the CA's SubjectPublicKeyInfo) or "cert:FILE" (a CA certificate, DER or PEM). Fills
 * `allow`; its label is a copy the caller frees. A CAA domain name and "ca:OWNER" are ERR_UNSUPPORTED: keys
 * for them come from a trust bundle. *warning (empty when there is none) says what looks wrong with a usable
 * certificate. */
MUST_USE enum err_code allow_parse(const char *given, struct watch_allow *allow, struct err *warning,
                                   struct err *why);

#endif
