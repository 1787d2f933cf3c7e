/* A log's private side, for tests: keys made on the spot and DigitallySigned structures made with them. */
#ifndef CTVIGIL_SIGNER_H
#define CTVIGIL_SIGNER_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "model/ctlog.h"
#include "verify/logkey.h"

static inline EVP_PKEY *signer_key(const char *type, unsigned bits, const char *curve)
{
    EVP_PKEY *key = curve != NULL ? EVP_EC_gen(curve)
                    : bits != 0   ? EVP_RSA_gen(bits)
                                  : EVP_PKEY_Q_keygen(NULL, NULL, type);
    must(key != NULL);
    return key;
}

/* DER SubjectPublicKeyInfo into out[cap]. */
static inline struct span signer_spki(const EVP_PKEY *key, uint8_t *out, size_t cap)
{
    unsigned char *at = out;
    int length = i2d_PUBKEY(key, NULL);

    must(length > 0 && (size_t)length <= cap && i2d_PUBKEY(key, &at) == length);
    return span_of(out, (size_t)length);
}

/* hash and algorithm are written as given, right or wrong. */
static inline void signer_sign(EVP_PKEY *key, struct span message, uint8_t hash, uint8_t algorithm,
                               struct buf *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t signature[1024];
    size_t length = sizeof signature;

    must(ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1);
    must(EVP_DigestSign(ctx, signature, &length, message.at, message.len) == 1);
    EVP_MD_CTX_free(ctx);
    buf_byte(out, hash);
    buf_byte(out, algorithm);
    buf_u16(out, (uint16_t)length);
    buf_put(out, span_of(signature, length));
    must(buf_ok(out));
}

/* A log of this name and key; its origin is example.com/log. */
static inline struct ctlog signer_log(const EVP_PKEY *key)
{
    struct ctlog log = {.id = 1, .name = "test", .origin = "example.com/log"};
    uint8_t spki[1024];

    must(logkey_set(&log, signer_spki(key, spki, sizeof spki), NULL) == ERR_OK);
    return log;
}

#endif
