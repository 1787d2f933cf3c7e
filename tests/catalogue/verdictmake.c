#include "verdictmake.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "parser/leaf.h"
#include "simform.h"
#include "tests/fixture/cacert.h"
#include "verify/digest.h"

#define LEAF_MAX (64u << 10)

static struct span keep(struct arena *arena, unsigned char *der, int len)
{
    must(der != NULL && len > 0);
    struct span copy = arena_copy(arena, span_of(der, (size_t)len));
    must(copy.at != NULL);
    OPENSSL_free(der);
    return copy;
}

void verdictmake_spki(EVP_PKEY *key, uint8_t out[32])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    must(len > 0);
    digest_sha256(span_of(der, (size_t)len), out);
    OPENSSL_free(der);
}

static GENERAL_NAME *general_name(const char *text)
{
    unsigned char octets[4];
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = ASN1_STRING_new();
    must(name != NULL && value != NULL);
    bool ip = inet_pton(AF_INET, text, octets) == 1;
    must(ASN1_STRING_set(value, ip ? (const char *)octets : text, ip ? 4 : -1) == 1);
    GENERAL_NAME_set0_value(name, ip ? GEN_IPADD : GEN_DNS, value);
    return name;
}

static void add_names(X509 *cert, const char *names)
{
    GENERAL_NAMES *all = GENERAL_NAMES_new();
    must(all != NULL);
    for (const char *at = names; *at != '\0'; at += strspn(at, " ")) {
        char one[256];
        size_t len = strcspn(at, " ");
        must(len < sizeof one);
        memcpy(one, at, len);
        one[len] = '\0';
        must(sk_GENERAL_NAME_push(all, general_name(one)) > 0);
        at += len;
    }
    must(X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1);
    GENERAL_NAMES_free(all);
}

static void add_purpose(X509 *cert, bool ca)
{
    BASIC_CONSTRAINTS *basic = BASIC_CONSTRAINTS_new();
    EXTENDED_KEY_USAGE *usage = EXTENDED_KEY_USAGE_new();
    must(basic != NULL && usage != NULL);
    basic->ca = ca ? 1 : 0;
    must(X509_add1_ext_i2d(cert, NID_basic_constraints, basic, 1, X509V3_ADD_DEFAULT) == 1);
    must(sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(NID_server_auth)) > 0);
    must(X509_add1_ext_i2d(cert, NID_ext_key_usage, usage, 0, X509V3_ADD_DEFAULT) == 1);
    BASIC_CONSTRAINTS_free(basic);
    EXTENDED_KEY_USAGE_free(usage);
}

static X509 *draft(const struct verdictmake_order *order)
{
    X509 *cert = X509_new();
    X509_NAME *issuer = cacert_name(order->issuer);
    X509_NAME *subject = X509_NAME_new();
    int64_t last = order->not_before + (int64_t)order->days * 86400 - 1;
    must(cert != NULL && subject != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
         X509_set_pubkey(cert, order->key) == 1 && X509_set_subject_name(cert, subject) == 1 &&
         X509_set_issuer_name(cert, issuer) == 1);
    must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), UINT64_C(0x4000000000000000) + order->serial) ==
         1);
    must(ASN1_TIME_set(X509_getm_notBefore(cert), order->not_before) != NULL &&
         ASN1_TIME_set(X509_getm_notAfter(cert), last) != NULL);
    add_purpose(cert, order->ca);
    add_names(cert, order->names);
    X509_NAME_free(issuer);
    X509_NAME_free(subject);
    return cert;
}

static void add_poison(X509 *cert)
{
    static const unsigned char null[] = {0x05, 0x00};
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    must(value != NULL && ASN1_OCTET_STRING_set(value, null, sizeof null) == 1);
    X509_EXTENSION *poison = X509_EXTENSION_create_by_NID(NULL, NID_ct_precert_poison, 1, value);
    must(poison != NULL && X509_add_ext(cert, poison, -1) == 1);
    X509_EXTENSION_free(poison);
    ASN1_OCTET_STRING_free(value);
}

void verdictmake_issue(const struct verdictmake_order *order, struct arena *arena,
                       struct verdictmake_issued *out)
{
    X509 *cert = draft(order);
    unsigned char *der = NULL;
    must(X509_sign(cert, order->signer, EVP_sha256()) > 0);
    int len = i2d_X509(cert, &der);
    out->final = keep(arena, der, len);
    der = NULL;
    len = i2d_re_X509_tbs(cert, &der);
    out->tbs = keep(arena, der, len);
    add_poison(cert);
    must(X509_sign(cert, order->signer, EVP_sha256()) > 0);
    der = NULL;
    len = i2d_X509(cert, &der);
    out->precert = keep(arena, der, len);
    verdictmake_spki(order->signer, out->issuer_key);
    X509_free(cert);
}

void verdictmake_entry(const struct verdictmake_issued *issued, bool precert, const struct span *chain,
                       size_t chain_count, int64_t timestamp_ms, struct arena *arena, struct entry *entry)
{
    struct buf leaf;
    struct buf extra;
    buf_init(&leaf, LEAF_MAX);
    buf_init(&extra, LEAF_MAX);
    buf_byte(&leaf, 0); /* the prefix of a leaf's hash stands in front of it */
    if (precert) {
        simform_leaf_precert(&leaf, timestamp_ms, issued->issuer_key, issued->tbs, SPAN_NONE);
        buf_byte(&extra, (uint8_t)(issued->precert.len >> 16));
        buf_byte(&extra, (uint8_t)(issued->precert.len >> 8));
        buf_byte(&extra, (uint8_t)issued->precert.len);
        buf_put(&extra, issued->precert);
    } else {
        simform_leaf_x509(&leaf, timestamp_ms, issued->final, SPAN_NONE);
    }
    simform_chain(&extra, chain, chain_count);
    must(buf_ok(&leaf) && buf_ok(&extra));
    struct span bytes = arena_copy(arena, buf_span(&leaf));
    struct span after = arena_copy(arena, buf_span(&extra));
    must(bytes.at != NULL && after.at != NULL);
    leaf_read(span_part(bytes, 1, bytes.len), entry);
    leaf_read_extra(after, entry);
    entry->extra = after;
    buf_fini(&leaf);
    buf_fini(&extra);
}
