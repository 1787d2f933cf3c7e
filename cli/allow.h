/* What a user names as an allowed CA, turned into the key it stands for. */
#ifndef CTVIGIL_ALLOW_H
#define CTVIGIL_ALLOW_H

#include "base/err.h"
#include "model/watch.h"

/* "spki:HEX" (SHA-256 of the CA's SubjectPublicKeyInfo) or "cert:FILE" (a CA certificate, DER or PEM). Fills
 * `allow`; its label is a copy the caller frees. *warning (empty when there is none) says what looks wrong
 * with a usable certificate. */
MUST_USE enum err_code allow_parse(const char *given, struct watch_allow *allow, struct err *warning,
                                   struct err *why);

/* The same for whatever may stand for several keys, too: a domain as in CAA records ("letsencrypt.org") and
 * "ca:OWNER" (cli/caafind.h). Hands over each key, with `given` as its label. A name that resolves to nothing
 * is an error, never an empty list. */
typedef void allow_each(void *arg, const struct watch_allow *allow);
MUST_USE enum err_code allow_resolve(const char *given, allow_each *each, void *arg, struct err *warning,
                                     struct err *why);

/* The key of a certificate of one's own: its SHA-256 (with or without "spki:"), "cert:FILE" or "csr:FILE" (a
 * certificate or a PKCS#10 request, DER or PEM). */
MUST_USE enum err_code allow_key(const char *given, struct watch_allow *key, struct err *why);

#endif
