#include "verify/listsig.h"

#include <pthread.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "verify/logkey.h"

/* Base64 of the DER in log_list_pubkey.pem. */
static const char google_key[] =
    "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAsu0BHGnQ++W2CTdyZyxvHHRALOZPlnu/VMVgo2m+JZ8MNbAOH2cg"
    "Xb8mvOj8flsX/qPMuKIaauO+PwROMjiqfUpcFm80Kl7i97ZQyBDYKm3MkEYYpGN+skAR2OebX9G2DfDqFY8+jUpOOWtBNr3L"
    "rmVcwx+FcFdMjGDlrZ5JRmoJ/SeGKiORkbbu9eY1Wd0uVhz/xI5bQb0OgII7hEj+i/IPbJqOHgB8xQ5zWAJJ0DmG+FM6o7gk"
    "403v6W3S8qRYiR84c50KppGwe4YqSMkFbLDleGQWLoaDSpEWtESisb4JiLaY4H+Kk0EyAhPSb+49JfUozYl+lf7iFN3qRq/S"
    "IXXTh6z0S7Qa8EYDhKGCrpI03/+qprwy+my6fpWHi6aUIk4holUCmWvFxZDfixoxK0RlqbFDl2JXMBquwlQpm8u5wrsic1ks"
    "Iv9z8x9zh4PJqNpCah0ciemI3YGRQqSe/mRRXBiSn9YQBUPcaeqCYan+snGADFwHuXCd9xIAdFBolw9R9HTedHGUfVXPJDiF"
    "4VusfX6BRR/qaadB+bqEArF/TzuDUr6FvOR4o8lUUxgLuZ/7HO+bHnaPFKYHHSm++z1lVDhhYuSZ8ax3T0C3FZpb7HMjZtpE"
    "orSV5ElKJEJwrhrBCMOD8L01EoSPrGlS1w22i9uGHMn/uGQKo28u7AsCAwEAAQ==";

static struct listsig_key google;
static pthread_once_t google_once = PTHREAD_ONCE_INIT;

static void google_read(void)
{
    must(text_unbase64(span_str(google_key), google.der, sizeof(google.der), &google.len));
}

const struct listsig_key *listsig_google(void)
{
    must(pthread_once(&google_once, google_read) == 0);
    return &google;
}

enum err_code listsig_key_read(struct span given, struct listsig_key *key, struct err *why)
{
    struct ctlog log = {.name = "log list"};
    struct err own = {.code = ERR_OK};
    /* The keys that logs may have are those that lists may have. */
    if (logkey_set_from_user(&log, given, &own) != ERR_OK)
        return err_set(
            why, ERR_KEY,
            "key of the log list: neither PEM, base64 nor DER of an RSA key of %d bits or more, or of"
            " a P-256 key",
            LISTSIG_BITS_MIN);
    must(log.key_len <= sizeof(key->der));
    memcpy(key->der, log.key, log.key_len);
    key->len = log.key_len;
    return ERR_OK;
}

enum err_code listsig_verify(const struct listsig_key *key, struct span bytes, struct span signature,
                             struct err *why)
{
    const unsigned char *at = key->der;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)key->len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    enum err_code code = ERR_OK;
    must(ctx != NULL);
    if (pkey == NULL)
        code = err_set(why, ERR_KEY, "the key of the log list can not be used");
    /* RSA signs by PKCS#1 v1.5 unless told otherwise. */
    else if (EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, pkey, NULL) != 1 ||
             EVP_DigestVerify(ctx, signature.at, signature.len, bytes.at, bytes.len) != 1)
        code = err_set(why, ERR_SIGNATURE, "the signature of the log list does not verify");
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return code;
}
