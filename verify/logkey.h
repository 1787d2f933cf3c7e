/* The key of a log, and the one place that checks signatures made with it. */
#ifndef CTVIGIL_LOGKEY_H
#define CTVIGIL_LOGKEY_H

#include "base/err.h"
#include "base/span.h"
#include "model/ctlog.h"

#define LOGKEY_USER_MAX 8192 /* bytes a user may give: a PEM text with comments around it */

/* Fills log_id and key of `log` from a DER SubjectPublicKeyInfo (ECDSA P-256 or RSA >= 2048, RFC 6962
 * section 2.1.4); ERR_KEY otherwise. */
MUST_USE enum err_code logkey_set(struct ctlog *log, struct span spki_der, struct err *why);
/* The same from what a user gives: base64 of the DER (one line), a PEM text or DER bytes. */
MUST_USE enum err_code logkey_set_from_user(struct ctlog *log, struct span given, struct err *why);

/* Checks an RFC 5246 DigitallySigned (hash, signature algorithm, u16 length, signature; exact length) over
 * `message`. ERR_FORMAT for a malformed structure, ERR_SIGNATURE when it does not verify. Thread-safe. */
MUST_USE enum err_code logkey_verify(const struct ctlog *log, struct span message,
                                     struct span digitally_signed, struct err *why);

#endif
