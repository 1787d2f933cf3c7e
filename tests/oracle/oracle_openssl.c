/* Our parser against OpenSSL on certificates made here, several hundred of them with every mix of key,
 * serial, name types, validity and alternative names. Needs no stored data. */
#include <openssl/asn1.h>
#include <openssl/conf.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "parser/ext.h"
#include "parser/san.h"
#include "parser/tbs.h"

#define CERTS 400

static unsigned long failures;

#define CHECK(number, condition)                                                                             \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf("certificate %u: %s does not hold\n", number, #condition);                                \
            failures++;                                                                                      \
        }                                                                                                    \
    } while (0)

static void add_ext(X509 *cert, int nid, const char *value)
{
    CONF *empty = NCONF_new(NULL);
    X509V3_CTX context;

    must(empty != NULL);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509V3_set_nconf(&context, empty);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    NCONF_free(empty);
}

static void set_serial(X509 *cert, unsigned number)
{
    uint8_t bytes[24];
    BIGNUM *value;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(number * 97 + i * 31 + 1);
    value = BN_bin2bn(bytes, (int)(number % 24), NULL);
    must(value != NULL);
    BN_set_negative(value, number % 5 == 0);
    must(BN_to_ASN1_INTEGER(value, X509_get_serialNumber(cert)) != NULL);
    BN_free(value);
}

static void set_names(X509 *cert, unsigned number)
{
    static const int types[] = {MBSTRING_UTF8, V_ASN1_PRINTABLESTRING, V_ASN1_T61STRING, V_ASN1_BMPSTRING,
                                V_ASN1_IA5STRING};
    X509_NAME *subject = X509_get_subject_name(cert);
    char text[64];

    for (unsigned i = 0; i < number % 4; i++) {
        (void)snprintf(text, sizeof text, "name %u-%u.", number, i);
        int type = types[(number + i) % countof(types)];
        must(X509_NAME_add_entry_by_NID(subject, i == 1 ? NID_organizationName : NID_commonName, type,
                                        (const uint8_t *)text, (int)strlen(text) & ~1, -1,
                                        i == 2 ? -1 : 0) == 1);
    }
    must(X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_UTF8,
                                    (const uint8_t *)"Oracle", -1, -1, 0) == 1);
}

static void set_extensions(X509 *cert, unsigned number)
{
    char names[4096] = "";
    size_t len = 0;

    for (unsigned i = 0; i < number % 40; i++) {
        if (i != 0)
            names[len++] = ',';
        switch ((number + i) % 6) {
        case 0:
            len += (size_t)snprintf(names + len, sizeof names - len, "DNS:h%u.example.org", i);
            break;
        case 1:
            len += (size_t)snprintf(names + len, sizeof names - len, "IP:10.1.2.%u", i);
            break;
        case 2:
            len += (size_t)snprintf(names + len, sizeof names - len, "email:u%u@example.org", i);
            break;
        case 3:
            len += (size_t)snprintf(names + len, sizeof names - len, "URI:https://e.org/%u", i);
            break;
        case 4:
            len += (size_t)snprintf(names + len, sizeof names - len, "RID:1.2.3.%u", i);
            break;
        default:
            len += (size_t)snprintf(names + len, sizeof names - len, "IP:2001:db8::%u", i);
            break;
        }
    }
    if (len != 0)
        add_ext(cert, NID_subject_alt_name, names);
    if (number % 2 == 0)
        add_ext(cert, NID_basic_constraints, number % 4 == 0 ? "critical,CA:TRUE,pathlen:3" : "CA:FALSE");
    if (number % 3 == 0)
        add_ext(cert, NID_key_usage, "critical,digitalSignature,keyCertSign,decipherOnly");
    if (number % 5 == 0)
        add_ext(cert, NID_ext_key_usage, "serverAuth,codeSigning");
}

static struct span make(EVP_PKEY *key, unsigned number)
{
    X509 *cert = X509_new();
    uint8_t *der = NULL;
    bool has_ext = number % 11 != 0;

    must(cert != NULL);
    (void)X509_set_version(cert, has_ext ? 2 : 0);
    set_serial(cert, number);
    set_names(cert, number);
    must(ASN1_TIME_adj(X509_getm_notBefore(cert), (time_t)number * 9876543 - 500000000, 0, 0) != NULL);
    must(ASN1_TIME_adj(X509_getm_notAfter(cert), (time_t)number * 29876543, 0, 0) != NULL);
    must(X509_set_pubkey(cert, key) == 1);
    if (has_ext)
        set_extensions(cert, number);
    bool pure = EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 || EVP_PKEY_get_id(key) == EVP_PKEY_ED448;
    must(X509_sign(cert, key, pure ? NULL : EVP_sha256()) > 0);
    int len = i2d_X509(cert, &der);
    must(len > 0);
    X509_free(cert);
    return span_of(der, (size_t)len);
}

static int64_t seconds(const ASN1_TIME *time)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0;
    int rest = 0;

    must(epoch != NULL && ASN1_TIME_diff(&days, &rest, epoch, time) == 1);
    ASN1_TIME_free(epoch);
    return (int64_t)days * 86400 + rest;
}

static bool same_name(const GENERAL_NAME *theirs, const struct san_item *ours)
{
    int type = -1;
    void *value = GENERAL_NAME_get0_value(theirs, &type);

    if (type != (int)ours->kind)
        return false;
    if (type == GEN_RID) {
        const ASN1_OBJECT *oid = value;
        return span_eq(ours->value, span_of(OBJ_get0_data(oid), OBJ_length(oid)));
    }
    const ASN1_STRING *text = value;
    return span_eq(ours->value, span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
}

static void compare_san(unsigned number, const X509 *theirs, const struct cert *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(theirs, NID_subject_alt_name, NULL, NULL);
    struct san san;
    struct san_item item;
    int count = 0;

    san_init(&san, cert);
    for (; san_next(&san, &item); count++) {
        CHECK(number, names != NULL && count < sk_GENERAL_NAME_num(names));
        if (names == NULL || count >= sk_GENERAL_NAME_num(names))
            break;
        CHECK(number, same_name(sk_GENERAL_NAME_value(names, count), &item));
    }
    CHECK(number, count == (names == NULL ? 0 : sk_GENERAL_NAME_num(names)));
    CHECK(number, !san.damaged);
    GENERAL_NAMES_free(names);
}

static void compare_exts(unsigned number, const X509 *theirs, const struct cert *cert)
{
    struct finding_set findings = {{0, 0}};
    struct ext ext;
    struct ext_item item;
    int count = 0;

    ext_init(&ext, cert->exts, &findings);
    for (; ext_next(&ext, &item); count++) {
        X509_EXTENSION *other = X509_get_ext(theirs, count);
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(other);
        const ASN1_STRING *value = X509_EXTENSION_get_data(other);
        CHECK(number, span_eq(item.oid, span_of(OBJ_get0_data(oid), OBJ_length(oid))));
        CHECK(number, item.critical == (X509_EXTENSION_get_critical(other) == 1));
        CHECK(number,
              span_eq(item.value, span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value))));
    }
    CHECK(number, count == X509_get_ext_count(theirs));
}

static bool same_der(struct span ours, int (*encode)(const void *, uint8_t **), const void *theirs)
{
    uint8_t *der = NULL;
    int len = encode(theirs, &der);
    bool same = len > 0 && span_eq(ours, span_of(der, (size_t)len));

    OPENSSL_free(der);
    return same;
}

static int encode_name(const void *name, uint8_t **der)
{
    return i2d_X509_NAME(name, der);
}

static int encode_key(const void *key, uint8_t **der)
{
    return i2d_X509_PUBKEY(key, der);
}

static void compare(unsigned number, struct span der)
{
    const uint8_t *at = der.at;
    X509 *theirs = d2i_X509(NULL, &at, (long)der.len);
    struct cert cert;

    must(theirs != NULL);
    CHECK(number, tbs_read_certificate(der, &cert));
    CHECK(number, cert.version == X509_get_version(theirs) + 1);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(theirs);
    uint8_t *encoded = NULL;
    int len = i2d_ASN1_INTEGER(serial, &encoded);
    CHECK(number, len > 2 && span_eq(cert.serial, span_of(encoded + 2, (size_t)len - 2)));
    OPENSSL_free(encoded);
    CHECK(number, cert.not_before == seconds(X509_get0_notBefore(theirs)));
    CHECK(number, cert.not_after == seconds(X509_get0_notAfter(theirs)));
    CHECK(number, same_der(cert.issuer, encode_name, X509_get_issuer_name(theirs)));
    CHECK(number, same_der(cert.subject, encode_name, X509_get_subject_name(theirs)));
    CHECK(number, same_der(cert.spki, encode_key, X509_get_X509_PUBKEY(theirs)));
    CHECK(number, (int)cert.key_bits == EVP_PKEY_get_bits(X509_get0_pubkey(theirs)) ||
                      cert.key_alg == CERT_KEY_ED25519); /* 253 there, 256 here */
    uint32_t flags = X509_get_extension_flags(theirs);
    CHECK(number, ((cert.flags & CERT_IS_CA) != 0) == ((flags & EXFLAG_CA) != 0));
    CHECK(number, cert.path_len == (int32_t)X509_get_pathlen(theirs));
    CHECK(number,
          ((cert.flags & CERT_SERVER_AUTH) != 0) ==
              ((flags & EXFLAG_XKUSAGE) != 0 && (X509_get_extended_key_usage(theirs) & XKU_SSL_SERVER) != 0));
    CHECK(number, (cert.key_usage_bits == 0x8480) == (number % 3 == 0 && number % 11 != 0));
    CHECK(number, !finding_any_broken(&cert.findings));
    compare_san(number, theirs, &cert);
    compare_exts(number, theirs, &cert);
    X509_free(theirs);
}

int main(void)
{
    EVP_PKEY *keys[] = {
        EVP_RSA_gen(1024),
        EVP_RSA_gen(2048),
        EVP_EC_gen("P-256"),
        EVP_EC_gen("P-384"),
        EVP_EC_gen("P-521"),
        EVP_EC_gen("P-224"),
        EVP_EC_gen("secp256k1"),
        EVP_EC_gen("brainpoolP320r1"),
        EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
        EVP_PKEY_Q_keygen(NULL, NULL, "ED448"),
    };

    for (unsigned i = 0; i < CERTS; i++) {
        must(keys[i % countof(keys)] != NULL);
        struct span der = make(keys[i % countof(keys)], i);
        compare(i, der);
        OPENSSL_free((void *)(uintptr_t)der.at);
    }
    for (size_t i = 0; i < countof(keys); i++)
        EVP_PKEY_free(keys[i]);
    printf("%u certificates, %lu failures\n", CERTS, failures);
    return failures == 0 ? 0 : 1;
}
