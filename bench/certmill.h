/* Certificates for benchmarks: made here with OpenSSL in a realistic mix (EC and RSA keys, 1 to 20 names, the
 * usual extensions, an SCT list), or read from the corpus folder when one is named. */
#ifndef CTVIGIL_CERTMILL_H
#define CTVIGIL_CERTMILL_H

#include <openssl/conf.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/span.h"

/* CPU time of this thread, because benchmarks share the machine with others. */
static inline int64_t certmill_cpu_ns(void)
{
    struct timespec now;

    must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#define CERTMILL_TIME                                                                                        \
    1790000000 /* a precertificate and what the log has of it are made one after the other */

struct certmill {
    struct span *certs;
    size_t count;
    size_t bytes;
};

static inline void certmill_add(struct certmill *mill, struct span der)
{
    mill->certs = realloc(mill->certs, (mill->count + 1) * sizeof *mill->certs);
    must(mill->certs != NULL);
    mill->certs[mill->count++] = der;
    mill->bytes += der.len;
}

static inline void certmill_ext(X509 *cert, int nid, const char *value)
{
    X509V3_CTX context;

    CONF *empty = NCONF_new(NULL); /* the policies reader asks for sections of one */

    must(empty != NULL);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509V3_set_nconf(&context, empty);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    NCONF_free(empty);
}

/* Two SCTs of random bytes, as most certificates have. */
static inline void certmill_scts(X509 *cert, unsigned seed)
{
    uint8_t value[2 + 2 + 2 * (2 + 119)];
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.11129.2.4.2", 1);
    uint8_t der[sizeof value + 4] = {0x04, 0x81, sizeof value - 2};

    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    value[0] = 0;
    value[1] = sizeof value - 4;
    for (size_t i = 0; i < 2; i++) {
        uint8_t *sct = value + 2 + i * 121;
        sct[0] = 0;
        sct[1] = 119;
        sct[2] = 0;
        memcpy(sct + 2 + 1 + 32, "\0\0\1\x9b", 4);
        memcpy(sct + 2 + 41, "\0\0\4\3\0\x48", 6);
    }
    der[2] = 2 + 2 * 121;
    memcpy(der + 3, value, 2 + 2 * 121);
    must(octets != NULL && ASN1_OCTET_STRING_set(octets, der, 3 + 2 + 2 * 121) == 1);
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, octets);
    must(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(oid);
}

/* What is signed for: the certificate, its precertificate (poison in the place of the SCTs), or neither,
 * which is what a log's leaf has of a precertificate. */
enum certmill_form { CERTMILL_FINAL, CERTMILL_PRECERT, CERTMILL_TBS, CERTMILL_CA };

static inline void certmill_poison(X509 *cert)
{
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.11129.2.4.3", 1);

    must(octets != NULL && ASN1_OCTET_STRING_set(octets, (const uint8_t *)"\5", 2) == 1); /* NULL */
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, octets);
    must(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(oid);
}

static inline struct span certmill_copy(uint8_t *der, int size)
{
    must(size > 0);
    uint8_t *copy = malloc((size_t)size);
    must(copy != NULL);
    memcpy(copy, der, (size_t)size);
    OPENSSL_free(der);
    return span_of(copy, (size_t)size);
}

/* DER on the heap: of the TBSCertificate for CERTMILL_TBS. */
static inline struct span certmill_one(EVP_PKEY *key, EVP_PKEY *signer, unsigned number,
                                       enum certmill_form form)
{
    X509 *cert = X509_new();
    X509_NAME *issuer = X509_NAME_new();
    char names[2048];
    size_t len = 0;
    unsigned count = number % 7 == 0 ? 20 : 1 + number % 3;
    uint8_t *der = NULL;

    must(cert != NULL && issuer != NULL);
    for (unsigned i = 0; i < count; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%sDNS:%sn%u.bench-%u.example.com",
                                i == 0 ? "" : ",", i == 1 ? "*." : "", i, number);
    (void)X509_set_version(cert, 2);
    (void)ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), 0x123456789abcdefu + number);
    (void)ASN1_TIME_set(X509_getm_notBefore(cert), CERTMILL_TIME);
    (void)ASN1_TIME_set(X509_getm_notAfter(cert), CERTMILL_TIME + 90 * 86400);
    (void)X509_NAME_add_entry_by_txt(issuer, "C", MBSTRING_ASC, (const uint8_t *)"US", -1, -1, 0);
    (void)X509_NAME_add_entry_by_txt(issuer, "O", MBSTRING_ASC, (const uint8_t *)"Bench Trust", -1, -1, 0);
    (void)X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_ASC, (const uint8_t *)"Bench CA 1", -1, -1, 0);
    (void)X509_set_issuer_name(cert, issuer);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                     (const uint8_t *)"n0.bench.example.com", -1, -1, 0);
    if (form == CERTMILL_CA)
        (void)X509_set_subject_name(cert, issuer);
    (void)X509_set_pubkey(cert, key);
    certmill_ext(cert, NID_key_usage, "critical,digitalSignature");
    certmill_ext(cert, NID_ext_key_usage, "serverAuth,clientAuth");
    certmill_ext(cert, NID_basic_constraints, "critical,CA:FALSE");
    certmill_ext(cert, NID_info_access,
                 "OCSP;URI:http://o.bench.example,caIssuers;URI:http://i.bench.example/");
    certmill_ext(cert, NID_subject_alt_name, names);
    certmill_ext(cert, NID_certificate_policies, "2.23.140.1.2.1");
    certmill_ext(cert, NID_crl_distribution_points, "URI:http://c.bench.example/1.crl");
    if (form == CERTMILL_FINAL)
        certmill_scts(cert, number);
    if (form == CERTMILL_PRECERT)
        certmill_poison(cert);
    must(X509_sign(cert, signer, EVP_sha256()) > 0);
    int size = form == CERTMILL_TBS ? i2d_re_X509_tbs(cert, &der) : i2d_X509(cert, &der);
    X509_NAME_free(issuer);
    X509_free(cert);
    return certmill_copy(der, size);
}

static inline void certmill_make(struct certmill *mill, size_t count)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *ec = EVP_EC_gen("P-256");

    *mill = (struct certmill){NULL, 0, 0};
    must(rsa != NULL && ec != NULL);
    for (size_t i = 0; i < count; i++)
        certmill_add(mill, certmill_one(i % 2 == 0 ? ec : rsa, ec, (unsigned)i, CERTMILL_FINAL));
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

static inline void certmill_free(struct certmill *mill)
{
    for (size_t i = 0; i < mill->count; i++)
        free((void *)(uintptr_t)mill->certs[i].at);
    free(mill->certs);
}

#endif
