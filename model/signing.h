/* How a certificate is signed: signing.def. */
#ifndef CTVIGIL_SIGNING_H
#define CTVIGIL_SIGNING_H

#include "base/base.h"

enum signing {
    SIGNING_UNKNOWN = 0, /* nobody looked: stored before this was kept */
#define X(name, code, word, hash) SIGNING_##name = (code),
#include "model/signing.def"
#undef X
    SIGNING_MAX = 31
};

const char *signing_word(enum signing signing); /* "ecdsa-sha256"; "unknown" */
/* "SHA-1" where the signature is over a hash that can be forged; NULL: it is not. */
const char *signing_weak_hash(enum signing signing);
bool signing_is_word(const char *word); /* one of signing.def */

#endif
