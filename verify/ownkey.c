#include "verify/ownkey.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "verify/digest.h"

bool ownkey_public(struct span der, uint8_t spki_sha256[32])
{
    const unsigned char *at = der.at;
    unsigned char *spki = NULL;
    if (der.len == 0 || der.len > INT_MAX)
        return false;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)der.len);
    int len = key == NULL ? -1 : i2d_PUBKEY(key, &spki);
    if (len > 0)
        digest_sha256(span_of(spki, (size_t)len), spki_sha256);
    OPENSSL_free(spki);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return len > 0;
}
