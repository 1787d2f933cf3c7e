#include "verify/certsig.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

bool certsig_verify(struct span cert_der, struct span issuer_spki)
{
    const unsigned char *cert_at = cert_der.at;
    const unsigned char *key_at = issuer_spki.at;
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;
    bool good = false;

    if (cert_der.len == 0 || cert_der.len > LONG_MAX || issuer_spki.len == 0 || issuer_spki.len > LONG_MAX)
        return false;
    cert = d2i_X509(NULL, &cert_at, (long)cert_der.len);
    key = d2i_PUBKEY(NULL, &key_at, (long)issuer_spki.len);
    if (cert != NULL && key != NULL && cert_at == cert_der.at + cert_der.len &&
        key_at == issuer_spki.at + issuer_spki.len)
        good = X509_verify(cert, key) == 1;
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return good;
}
