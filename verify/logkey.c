#include "verify/logkey.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/cur.h"
#include "base/text.h"
#include "verify/digest.h"

/* RFC 5246 section 7.4.1.4.1 */
#define LOGKEY_HASH_SHA256 4
#define LOGKEY_SIG_RSA     1
#define LOGKEY_SIG_ECDSA   3

#define LOGKEY_RSA_BITS_MIN 2048

/* NULL when the bytes are not exactly one SubjectPublicKeyInfo in the form its owner hashes into the log id.
 */
static EVP_PKEY *logkey_read(struct span spki_der)
{
    const unsigned char *at = spki_der.at;
    unsigned char *again = NULL;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki_der.len);
    int length;

    if (key == NULL)
        return NULL;
    /* Another encoding of the same key would silently be another log. */
    length = i2d_PUBKEY(key, &again);
    if (length < 0 || !span_eq(span_of(again, (size_t)length), spki_der)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    OPENSSL_free(again);
    return key;
}

/* The signature code of RFC 5246 that fits the key; 0: RFC 6962 does not allow it. */
static uint64_t logkey_sig_code(const EVP_PKEY *key)
{
    char group[64] = "";
    size_t length = 0;

    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
        if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &length) !=
            1)
            return 0;
        return strcmp(group, "prime256v1") == 0 ? LOGKEY_SIG_ECDSA : 0;
    case EVP_PKEY_RSA:
        return EVP_PKEY_get_bits(key) >= LOGKEY_RSA_BITS_MIN ? LOGKEY_SIG_RSA : 0;
    default:
        return 0;
    }
}

enum err_code logkey_set(struct ctlog *log, struct span spki_der, struct err *why)
{
    EVP_PKEY *key = NULL;
    uint64_t code;

    if (spki_der.len > sizeof log->key)
        return err_set(why, ERR_KEY, "log key: %zu bytes are too many for a public key", spki_der.len);
    if (spki_der.len != 0)
        key = logkey_read(spki_der);
    ERR_clear_error();
    if (key == NULL)
        return err_set(why, ERR_KEY, "log key: not a DER SubjectPublicKeyInfo");
    code = logkey_sig_code(key);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (code == 0)
        return err_set(why, ERR_KEY,
                       "log key: a CT log signs with ECDSA P-256 or with RSA of 2048 bits or more");
    memcpy(log->key, spki_der.at, spki_der.len);
    log->key_len = spki_der.len;
    digest_sha256(spki_der, log->log_id);
    return ERR_OK;
}

static bool logkey_is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct span logkey_trim(struct span text)
{
    size_t begin = 0;
    size_t end = text.len;

    while (begin < end && logkey_is_space(text.at[begin]))
        begin++;
    while (end > begin && logkey_is_space(text.at[end - 1]))
        end--;
    return span_part(text, begin, end);
}

static enum err_code logkey_set_from_pem(struct ctlog *log, struct span text, struct err *why)
{
    BIO *bio = BIO_new_mem_buf(text.at, (int)text.len);
    char *name = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    long length = 0;
    enum err_code code;

    must(bio != NULL);
    if (PEM_read_bio(bio, &name, &header, &der, &length) != 1)
        code = err_set(why, ERR_KEY, "log key: the PEM text cannot be read");
    else if (strcmp(name, "PUBLIC KEY") != 0)
        code = err_set(why, ERR_KEY, "log key: the PEM text holds a %s, not a PUBLIC KEY", name);
    else
        code = logkey_set(log, span_of(der, (size_t)length), why);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    ERR_clear_error();
    return code;
}

enum err_code logkey_set_from_user(struct ctlog *log, struct span given, struct err *why)
{
    uint8_t der[CTLOG_KEY_MAX];
    size_t length = 0;
    struct span text = logkey_trim(given);

    if (text.len > LOGKEY_USER_MAX)
        return err_set(why, ERR_KEY, "log key: %zu bytes are too many for a public key", text.len);
    /* 0x30 opens the DER; the base64 of a DER SEQUENCE opens with M. White space may be a part of DER: no
     * trim. */
    if (given.len != 0 && given.at[0] == 0x30)
        return logkey_set(log, given, why);
    if (span_starts(text, SPAN_LIT("-----BEGIN ")))
        return logkey_set_from_pem(log, text, why);
    if (text.len == 0 || !text_unbase64(text, der, sizeof der, &length))
        return err_set(why, ERR_KEY, "log key: neither base64 on one line, nor PEM, nor DER");
    return logkey_set(log, span_of(der, length), why);
}

enum err_code logkey_verify(const struct ctlog *log, struct span message, struct span digitally_signed,
                            struct err *why)
{
    struct cur cur = cur_of(digitally_signed);
    uint64_t hash = cur_uint(&cur, 1);
    uint64_t algorithm = cur_uint(&cur, 1);
    struct span signature = cur_vector(&cur, 2);
    EVP_PKEY *key;
    EVP_MD_CTX *ctx;
    enum err_code code = ERR_OK;

    if (!cur_done(&cur) || signature.len == 0)
        return err_set(why, ERR_FORMAT, "signature: not a DigitallySigned structure");
    if (hash != LOGKEY_HASH_SHA256)
        return err_set(why, ERR_FORMAT, "signature: hash algorithm %u is not SHA-256", (unsigned)hash);
    key = log->key_len == 0 ? NULL : logkey_read(span_of(log->key, log->key_len));
    if (key == NULL)
        return err_set(why, ERR_KEY, "%s: the log has no usable key", log->name);
    ctx = EVP_MD_CTX_new();
    must(ctx != NULL);
    if (algorithm != logkey_sig_code(key))
        code = err_set(why, ERR_FORMAT, "signature: algorithm %u does not fit the log's key",
                       (unsigned)algorithm);
    else if (EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) != 1 ||
             EVP_DigestVerify(ctx, signature.at, signature.len, message.at, message.len) != 1)
        code = err_set(why, ERR_SIGNATURE, "%s: the signature does not verify with the log's key", log->name);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return code;
}
