#include "simca.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "simkey.h"
#include "verify/digest.h"

#define SIMCA_MAX       8
#define SIMCA_EXTS_MAX  8
#define SIMCA_NOT_AFTER INT64_C(2240524800) /* 2041-01-01 */

/* X(NAME, RSA, COMMON_NAME, ORGANISATION): the first two are those that tests and the demo speak of. */
static const struct simca_row {
    const char *name;
    bool rsa;
    const char *common_name;
    const char *organisation;
} simca_rows[] = {
    {"demo", false, "Demo Trust E1", "Demo Trust Services"},
    {"other", false, "Other Authority G2", "Other Authority Ltd"},
    {"third", false, "Third Issuing CA EC 2026", "Third Party Certification"},
    {"classic", true, "Classic RSA Server CA", "Classic Certificates Inc"},
};

struct simca_one {
    EVP_PKEY *key;
    X509 *cert;
    X509 *sample; /* something this CA signed: how its signatures call themselves */
    struct buf der;
    uint8_t spki_sha256[32];
    X509_EXTENSION *exts[SIMCA_EXTS_MAX]; /* the same in every leaf of this CA */
    size_t ext_count;
};

struct simca {
    struct simca_one root;
    struct simca_one issuer[SIMCA_MAX];
    size_t count;
};

static X509_EXTENSION *simca_ext(X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

    must(ext != NULL);
    return ext;
}

static void simca_add(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *ext = simca_ext(ctx, nid, value);

    must(X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

static void simca_rdn(X509_NAME *name, const char *field, const char *value)
{
    must(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) ==
         1);
}

static void simca_set_time(ASN1_TIME *time, int64_t unix_s)
{
    must(ASN1_TIME_set(time, (time_t)unix_s) != NULL);
}

/* 16 bytes, positive, from the seed. */
static void simca_set_serial(X509 *cert, const char *who, uint64_t seed)
{
    char text[128];
    uint8_t digest[32];
    BIGNUM *number;
    int length = snprintf(text, sizeof text, "serial %s %" PRIu64, who, seed);

    must(length > 0 && (size_t)length < sizeof text);
    digest_sha256(span_of(text, (size_t)length), digest);
    digest[0] = (uint8_t)((digest[0] & 0x3f) | 0x40);
    number = BN_bin2bn(digest, 16, NULL);
    must(number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL);
    BN_free(number);
}

static void simca_finish(struct simca_one *one)
{
    unsigned char *der = NULL;
    int length = i2d_X509(one->cert, &der);

    must(length > 0);
    buf_init(&one->der, SIMCA_DER_MAX);
    buf_put(&one->der, span_of(der, (size_t)length));
    must(buf_ok(&one->der));
    OPENSSL_free(der);
    simkey_spki_sha256(one->key, one->spki_sha256);
}

/* A CA certificate signed by `above` (itself for the root). */
static void simca_make_ca(struct simca_one *one, struct simca_one *above, const struct simca_row *row)
{
    X509 *cert = X509_new();
    X509V3_CTX ctx;
    X509_NAME *subject;

    must(cert != NULL);
    one->cert = cert;
    must(X509_set_version(cert, X509_VERSION_3) == 1 && X509_set_pubkey(cert, one->key) == 1);
    simca_set_serial(cert, row->name, 1);
    simca_set_time(X509_getm_notBefore(cert), INT64_C(1577836800)); /* 2020-01-01 */
    simca_set_time(X509_getm_notAfter(cert), SIMCA_NOT_AFTER);
    subject = X509_get_subject_name(cert);
    simca_rdn(subject, "C", "XX");
    simca_rdn(subject, "O", row->organisation);
    simca_rdn(subject, "CN", row->common_name);
    must(X509_set_issuer_name(cert, X509_get_subject_name(above->cert)) == 1);
    X509V3_set_ctx(&ctx, above->cert, cert, NULL, NULL, 0);
    simca_add(cert, &ctx, NID_subject_key_identifier, "hash");
    simca_add(cert, &ctx, NID_authority_key_identifier, "keyid:always");
    simca_add(cert, &ctx, NID_basic_constraints,
              one == above ? "critical,CA:TRUE" : "critical,CA:TRUE,pathlen:0");
    simca_add(cert, &ctx, NID_key_usage, "critical,keyCertSign,cRLSign");
    if (one != above)
        simca_add(cert, &ctx, NID_ext_key_usage, "serverAuth,clientAuth");
    must(X509_sign(cert, above->key, EVP_sha256()) > 0);
    simca_finish(one);
}

/* Extensions that depend on the CA alone are made once. */
static void simca_make_exts(struct simca_one *one, const char *name)
{
    char value[256];
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, one->cert, one->cert, NULL, NULL, 0);
    one->exts[one->ext_count++] = simca_ext(&ctx, NID_authority_key_identifier, "keyid:always");
    (void)snprintf(value, sizeof value, "caIssuers;URI:http://%s.ca.example/ca.der", name);
    one->exts[one->ext_count++] = simca_ext(&ctx, NID_info_access, value);
    (void)snprintf(value, sizeof value, "URI:http://%s.ca.example/1.crl", name);
    one->exts[one->ext_count++] = simca_ext(&ctx, NID_crl_distribution_points, value);
    one->exts[one->ext_count++] = simca_ext(&ctx, NID_basic_constraints, "critical,CA:FALSE");
    must(one->ext_count <= SIMCA_EXTS_MAX);
    one->sample = X509_new();
    must(one->sample != NULL && X509_set_pubkey(one->sample, one->key) == 1);
    must(X509_sign(one->sample, one->key, EVP_sha256()) > 0);
}

struct simca *simca_new(void)
{
    static const struct simca_row root = {"root", false, "Simulated Root X1", "Simulated Roots"};
    struct simca *ca = calloc(1, sizeof *ca);

    must(ca != NULL);
    ca->root.key = simkey_ec("root", 0);
    simca_make_ca(&ca->root, &ca->root, &root);
    for (size_t i = 0; i < countof(simca_rows); i++) {
        struct simca_one *one = &ca->issuer[ca->count++];
        const struct simca_row *row = &simca_rows[i];
        one->key = row->rsa ? simkey_rsa(row->name, 0) : simkey_ec(row->name, 0);
        simca_make_ca(one, &ca->root, row);
        simca_make_exts(one, row->name);
    }
    return ca;
}

static void simca_one_fini(struct simca_one *one)
{
    for (size_t i = 0; i < one->ext_count; i++)
        X509_EXTENSION_free(one->exts[i]);
    X509_free(one->cert);
    X509_free(one->sample);
    EVP_PKEY_free(one->key);
    buf_fini(&one->der);
}

void simca_free(struct simca *ca)
{
    for (size_t i = 0; i < ca->count; i++)
        simca_one_fini(&ca->issuer[i]);
    simca_one_fini(&ca->root);
    free(ca);
}

size_t simca_count(const struct simca *ca)
{
    return ca->count;
}

const char *simca_name(const struct simca *ca, size_t at)
{
    must(at < ca->count);
    return simca_rows[at].name;
}

size_t simca_find(const struct simca *ca, const char *name)
{
    for (size_t i = 0; i < ca->count; i++) {
        if (strcmp(simca_rows[i].name, name) == 0)
            return i;
    }
    return SIZE_MAX;
}

const uint8_t *simca_spki_sha256(const struct simca *ca, size_t at)
{
    must(at < ca->count);
    return ca->issuer[at].spki_sha256;
}

struct span simca_der(const struct simca *ca, size_t at)
{
    must(at < ca->count);
    return buf_span(&ca->issuer[at].der);
}

struct span simca_root_der(const struct simca *ca)
{
    return buf_span(&ca->root.der);
}

static enum err_code simca_write_one(const struct simca_one *one, const char *dir, const char *name, bool pem,
                                     struct err *why)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s.%s", dir, name, pem ? "pem" : "der");
    FILE *file;
    bool good;

    if (length < 0 || (size_t)length >= sizeof path)
        return err_set(why, ERR_USAGE, "%s: the path is too long", dir);
    file = fopen(path, "wb");
    if (file == NULL)
        return err_set(why, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    good = pem ? PEM_write_X509(file, one->cert) == 1
               : fwrite(one->der.at, 1, one->der.len, file) == one->der.len;
    if (fclose(file) != 0 || !good)
        return err_set(why, ERR_SYSTEM, "%s: cannot be written", path);
    return ERR_OK;
}

enum err_code simca_write(const struct simca *ca, const char *dir, struct err *why)
{
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return err_set(why, ERR_SYSTEM, "%s: %s", dir, strerror(errno));
    for (size_t i = 0; i <= ca->count; i++) {
        const struct simca_one *one = i == ca->count ? &ca->root : &ca->issuer[i];
        const char *name = i == ca->count ? "root" : simca_rows[i].name;
        for (int pem = 0; pem < 2; pem++) {
            enum err_code code = simca_write_one(one, dir, name, pem != 0, why);
            if (code != ERR_OK)
                return code;
        }
    }
    return ERR_OK;
}

/* DER length octets (X.690 section 8.1.3). */
static void simca_der_length(struct buf *out, size_t length)
{
    if (length < 0x80) {
        buf_byte(out, (uint8_t)length);
    } else if (length < 0x100) {
        buf_byte(out, 0x81);
        buf_byte(out, (uint8_t)length);
    } else if (length < 0x10000) {
        buf_byte(out, 0x82);
        buf_u16(out, (uint16_t)length);
    } else {
        must(length < 0x1000000);
        buf_byte(out, 0x83);
        buf_u24(out, (uint32_t)length);
    }
}

/* Written by hand: the names are bytes on purpose, so that hostile ones can be issued too. */
static bool simca_san(const struct simca_order *order, struct buf *san, struct err *why)
{
    struct buf names;

    buf_init(&names, SIMCA_DER_MAX);
    for (size_t i = 0; i < order->name_count; i++) {
        buf_byte(&names, 0x82);
        simca_der_length(&names, strlen(order->names[i]));
        buf_str(&names, order->names[i]);
    }
    for (size_t i = 0; i < order->ip_count; i++) {
        uint8_t octets[16];
        size_t length = inet_pton(AF_INET, order->ips[i], octets) == 1    ? 4
                        : inet_pton(AF_INET6, order->ips[i], octets) == 1 ? 16
                                                                          : 0;
        if (length == 0) {
            (void)err_set(why, ERR_USAGE, "%s: not an IP address", order->ips[i]);
            buf_fini(&names);
            return false;
        }
        buf_byte(&names, 0x87);
        buf_byte(&names, (uint8_t)length);
        buf_put(&names, span_of(octets, length));
    }
    buf_byte(san, 0x30);
    simca_der_length(san, names.len);
    buf_put(san, buf_span(&names));
    if (!buf_ok(&names) || !buf_ok(san))
        (void)err_set(why, ERR_TOO_BIG, "the names are too long for one certificate");
    buf_fini(&names);
    return buf_ok(san) && san->len > 2;
}

static void simca_add_octets(X509 *cert, int nid, bool critical, struct span octets)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext;

    must(value != NULL && ASN1_OCTET_STRING_set(value, octets.at, (int)octets.len) == 1);
    ext = X509_EXTENSION_create_by_NID(NULL, nid, critical ? 1 : 0, value);
    must(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
}

static void simca_subject(X509 *cert, const struct simca_order *order)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    const char *first = order->name_count > 0 ? order->names[0] : "";
    size_t length = strlen(first);

    if (order->organisation != NULL) {
        simca_rdn(subject, "C", "XX");
        simca_rdn(subject, "O", order->organisation);
    }
    if (order->common_name && length > 0 && length <= 64)
        must(X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING,
                                        (const unsigned char *)first, (int)length, -1, 0) == 1);
}

static void simca_leaf_exts(X509 *cert, const struct simca_one *issuer, const struct simca_order *order)
{
    static const uint8_t usage_sign[] = {0x03, 0x02, 0x07, 0x80};
    static const uint8_t usage_rsa[] = {0x03, 0x02, 0x05, 0xa0};
    static const uint8_t eku_server[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 1};
    static const uint8_t eku_both[] = {0x30, 0x14, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3,
                                       1,    0x06, 0x08, 0x2b, 6,    1, 5, 5, 7, 3, 2};
    static const uint8_t policy_dv[] = {0x30, 0x0a, 0x30, 0x08, 0x06, 0x06, 0x67, 0x81, 0x0c, 1, 2, 1};
    static const uint8_t policy_ov[] = {0x30, 0x0a, 0x30, 0x08, 0x06, 0x06, 0x67, 0x81, 0x0c, 1, 2, 2};
    ASN1_OBJECT *algorithm = NULL;
    bool rsa;

    must(X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, order->key) == 1);
    rsa = OBJ_obj2nid(algorithm) == NID_rsaEncryption;

    simca_add_octets(cert, NID_key_usage, true, rsa ? span_of(usage_rsa, 4) : span_of(usage_sign, 4));
    simca_add_octets(cert, NID_ext_key_usage, false,
                     order->client_auth ? span_of(eku_both, sizeof eku_both)
                                        : span_of(eku_server, sizeof eku_server));
    for (size_t i = 0; i < issuer->ext_count; i++)
        must(X509_add_ext(cert, issuer->exts[i], -1) == 1);
    simca_add_octets(cert, NID_certificate_policies, false,
                     order->organisation != NULL ? span_of(policy_ov, sizeof policy_ov)
                                                 : span_of(policy_dv, sizeof policy_dv));
}

/* Copies the parts of the key, encoded as they are. */
static void simca_set_key(X509 *cert, const X509_PUBKEY *key)
{
    ASN1_OBJECT *algorithm = NULL;
    const unsigned char *bits = NULL;
    unsigned char *copy;
    int length = 0, type = V_ASN1_UNDEF;
    const void *parameter = NULL;
    X509_ALGOR *identifier = NULL;

    must(X509_PUBKEY_get0_param(&algorithm, &bits, &length, &identifier, key) == 1 && length > 0);
    X509_ALGOR_get0(NULL, &type, &parameter, identifier);
    copy = OPENSSL_memdup(bits, (size_t)length);
    must(copy != NULL && (type == V_ASN1_OBJECT || type == V_ASN1_NULL));
    must(X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(cert), OBJ_dup(algorithm), type,
                                type == V_ASN1_OBJECT ? OBJ_dup(parameter) : NULL, copy, length) == 1);
}

/* The most an entry can hold is made of an extension that says nothing. */
static void simca_pad(X509 *cert, size_t size)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    uint8_t *bytes = malloc(size);
    X509_EXTENSION *ext;

    must(oid != NULL && value != NULL && bytes != NULL);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7);
    must(ASN1_OCTET_STRING_set(value, bytes, (int)size) == 1);
    ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
    must(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
    free(bytes);
}

X509 *simca_draft(const struct simca *ca, size_t at, const struct simca_order *order, struct err *why)
{
    const struct simca_one *issuer = &ca->issuer[at];
    struct buf san;
    X509 *cert;

    must(at < ca->count);
    buf_init(&san, SIMCA_SAN_MAX);
    if (!simca_san(order, &san, why)) {
        buf_fini(&san);
        (void)err_set(why, ERR_USAGE, "a certificate needs a name or an address");
        return NULL;
    }
    cert = X509_new();
    must(cert != NULL);
    must(X509_set_version(cert, X509_VERSION_3) == 1);
    simca_set_key(cert, order->key);
    simca_set_serial(cert, simca_rows[at].name, order->serial_seed);
    simca_set_time(X509_getm_notBefore(cert), order->not_before);
    simca_set_time(X509_getm_notAfter(cert), order->not_before + (int64_t)order->days * 86400 - 1);
    must(X509_set_issuer_name(cert, X509_get_subject_name(issuer->cert)) == 1);
    simca_subject(cert, order);
    simca_leaf_exts(cert, issuer, order);
    if (order->pad > 0)
        simca_pad(cert, order->pad);
    /* RFC 5280 section 4.2.1.6: without a subject the alternative names are critical. */
    simca_add_octets(cert, NID_subject_alt_name, X509_NAME_entry_count(X509_get_subject_name(cert)) == 0,
                     buf_span(&san));
    buf_fini(&san);
    return cert;
}

static void simca_put_tbs(X509 *draft, struct buf *tbs)
{
    unsigned char *der = NULL;
    int length = i2d_re_X509_tbs(draft, &der);

    must(length > 0);
    buf_put(tbs, span_of(der, (size_t)length));
    OPENSSL_free(der);
    must(buf_ok(tbs));
}

void simca_tbs(const struct simca *ca, size_t at, X509 *draft, struct buf *tbs)
{
    /* There is no setter for the signature algorithm; signing would write it to this very place. */
    X509_ALGOR *algorithm = (X509_ALGOR *)(uintptr_t)X509_get0_tbs_sigalg(draft);

    must(X509_ALGOR_copy(algorithm, X509_get0_tbs_sigalg(ca->issuer[at].sample)) == 1);
    simca_put_tbs(draft, tbs);
}

/* Signs the draft with one CT extension in it, takes the bytes, and takes the extension out again. */
static void simca_sign_with(const struct simca_one *issuer, X509 *draft, int nid, bool critical,
                            struct span value, struct buf *cert, struct buf *tbs)
{
    unsigned char *der = NULL;
    int length;

    if (value.at != NULL)
        simca_add_octets(draft, nid, critical, value);
    must(X509_sign(draft, issuer->key, EVP_sha256()) > 0);
    length = i2d_X509(draft, &der);
    must(length > 0);
    buf_put(cert, span_of(der, (size_t)length));
    OPENSSL_free(der);
    if (value.at != NULL)
        X509_EXTENSION_free(X509_delete_ext(draft, X509_get_ext_count(draft) - 1));
    simca_put_tbs(draft, tbs);
    must(buf_ok(cert));
}

void simca_precert(const struct simca *ca, size_t at, X509 *draft, struct buf *precert, struct buf *tbs)
{
    static const uint8_t null[] = {0x05, 0x00};

    simca_sign_with(&ca->issuer[at], draft, NID_ct_precert_poison, true, span_of(null, sizeof null), precert,
                    tbs);
}

void simca_final(const struct simca *ca, size_t at, X509 *draft, struct span sct_list, struct buf *cert,
                 struct buf *tbs)
{
    struct buf value;

    buf_init(&value, SIMCA_DER_MAX);
    if (sct_list.at != NULL) {
        buf_byte(&value, 0x04);
        simca_der_length(&value, sct_list.len);
        buf_put(&value, sct_list);
    }
    simca_sign_with(&ca->issuer[at], draft, NID_ct_precert_scts, false,
                    sct_list.at != NULL ? buf_span(&value) : SPAN_NONE, cert, tbs);
    buf_fini(&value);
}
