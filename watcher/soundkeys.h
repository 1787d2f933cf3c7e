/* Public keys in which nothing was found, remembered by all threads of the process: the precertificate, the
 * certificate, what other logs have of both and most renewals come with a key that was looked at already, and
 * a look at the numbers takes more than a millisecond. By the whole hash, so nothing else is ever taken for a
 * sound key; the newer one of two that share a place stays. */
#ifndef CTVIGIL_SOUNDKEYS_H
#define CTVIGIL_SOUNDKEYS_H

#include "base/span.h"

/* Of the key (spki_sha256); one of zeros says that nobody hashed it and is never known. */
bool soundkeys_has(const uint8_t sha256[32]);
void soundkeys_add(const uint8_t sha256[32]);

#endif
