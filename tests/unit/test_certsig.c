#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "signer.h"
#include "vecfile.h"
#include "verify/certsig.h"

/* A small certificate for `subject`'s key, signed by `issuer`. */
static size_t make_cert(EVP_PKEY *subject, EVP_PKEY *issuer, const EVP_MD *md, uint8_t *out, size_t cap)
{
    X509 *cert = X509_new();
    unsigned char *at = out;
    int length;

    must(cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 && X509_set_pubkey(cert, subject) == 1);
    must(ASN1_INTEGER_set(X509_get_serialNumber(cert), 77) == 1);
    must(X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL);
    must(X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL);
    must(X509_sign(cert, issuer, md) > 0);
    length = i2d_X509(cert, NULL);
    must(length > 0 && (size_t)length <= cap && i2d_X509(cert, &at) == length);
    X509_free(cert);
    return (size_t)length;
}

static void made_here(void **state)
{
    static const struct {
        const char *type;
        unsigned bits;
        const char *curve;
    } rows[] = {{"EC", 0, "P-256"}, {"EC", 0, "P-384"}, {"RSA", 2048, NULL}, {"ED25519", 0, NULL}};
    EVP_PKEY *subject = signer_key("EC", 0, "P-256");

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        EVP_PKEY *issuer = signer_key(rows[i].type, rows[i].bits, rows[i].curve);
        uint8_t cert[4096], spki[1024], own[1024];
        const EVP_MD *md = strcmp(rows[i].type, "ED25519") == 0 ? NULL : EVP_sha256();
        size_t length = make_cert(subject, issuer, md, cert, sizeof cert - 1);
        struct span issuer_spki = signer_spki(issuer, spki, sizeof spki);
        assert_true(certsig_verify(span_of(cert, length), issuer_spki));
        assert_false(certsig_verify(span_of(cert, length), signer_spki(subject, own, sizeof own)));
        cert[length] = 0;
        assert_false(certsig_verify(span_of(cert, length + 1), issuer_spki));
        for (size_t cut = 0; cut < length; cut += 7)
            assert_false(certsig_verify(span_of(cert, cut), issuer_spki));
        assert_false(certsig_verify(span_of(cert, length), span_of(issuer_spki.at, issuer_spki.len - 1)));
        for (size_t at = 20; at < length; at += 5) {
            cert[at] ^= 1;
            assert_false(certsig_verify(span_of(cert, length), issuer_spki));
            cert[at] ^= 1;
        }
        EVP_PKEY_free(issuer);
    }
    EVP_PKEY_free(subject);
}

static void nonsense(void **state)
{
    (void)state;
    assert_false(certsig_verify(SPAN_NONE, SPAN_NONE));
    assert_false(certsig_verify(SPAN_LIT("\x30\x00"), SPAN_LIT("\x30\x00")));
    assert_false(certsig_verify(SPAN_LIT("\x30\x84\xff\xff\xff\xff"), SPAN_LIT("\x30\x84\xff\xff\xff\xff")));
}

static X509 *load(const char *name)
{
    struct span file = vecfile_load(name);
    BIO *bio;
    X509 *cert;

    if (file.at == NULL)
        return NULL;
    bio = BIO_new_mem_buf(file.at, (int)file.len);
    cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    vecfile_free(file);
    assert_non_null(cert);
    return cert;
}

static void real_pair(void **state)
{
    X509 *cert = load("precert_pairs/azul-cloudflare.pem");
    X509 *issuer = load("precert_pairs/azul-google-we1.pem");
    uint8_t der[8192], spki[1024], own[1024];
    unsigned char *at = der;
    struct span whole;

    (void)state;
    if (cert == NULL || issuer == NULL)
        skip();
    whole = span_of(der, (size_t)i2d_X509(cert, &at));
    assert_true(certsig_verify(whole, signer_spki(X509_get0_pubkey(issuer), spki, sizeof spki)));
    assert_false(certsig_verify(whole, signer_spki(X509_get0_pubkey(cert), own, sizeof own)));
    X509_free(cert);
    X509_free(issuer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_here),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(real_pair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
