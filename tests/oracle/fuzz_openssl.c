/* What OpenSSL reads, we read, and to the same facts: whatever the bytes are. The differences that are meant
 * stand at has_parts(), same_bits() and has_tail(); docs/parser-differences.md says why. It is no claim the
 * other way round: we read much that OpenSSL refuses. */
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <strings.h>

#include "base/dns.h"
#include "parser/ext.h"
#include "parser/names.h"
#include "parser/san.h"
#include "parser/spki.h"
#include "parser/tbs.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static struct span string_of(const ASN1_STRING *string)
{
    return span_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

static struct span oid_of(const ASN1_OBJECT *oid)
{
    return span_of(OBJ_get0_data(oid), OBJ_length(oid));
}

/* OpenSSL joins strings that are sent in parts (X.690 section 8.7.3, forbidden in DER) and keeps no trace of
 * it. We do not join them: the value counts as unreadable. Of a certificate with such a part anywhere it is
 * only asked that no host name is missed. */
static bool has_parts(struct span bytes, int depth)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(bytes, &ignored);
    struct der_item item;

    while (der_more(&in) && der_next(&in, &item)) {
        uint32_t number = item.tag & 0x1fu;
        bool joined = (item.tag & 0xe0u) == 0x20u && number != 0x10 && number != 0x11;
        bool implicit = (item.tag & 0xe0u) == 0xa0u;
        if (joined || (implicit && number != 0 && number != 3 && number != 4))
            return true;
        bool opens = (item.tag & 0x20u) != 0 || item.tag == DER_OCTET_STRING;
        if (opens && depth > 0 && has_parts(item.value, depth - 1))
            return true;
    }
    return false;
}

/* Bits that a BIT STRING declares unused are zero in theirs, and as they stand in ours. */
static bool same_bits(struct span ours, struct span theirs)
{
    size_t whole = ours.len == 0 ? 0 : ours.len - 1;

    if (ours.len != theirs.len || !span_eq(span_part(ours, 0, whole), span_part(theirs, 0, whole)))
        return false;
    return ours.len == 0 || ((ours.at[whole] & theirs.at[whole]) == theirs.at[whole] &&
                             (ours.at[whole] ^ theirs.at[whole]) < 0x80);
}

static void same_version(long theirs, const struct cert *ours)
{
    if (theirs >= 0 && theirs <= 2)
        must(ours->version == theirs + 1);
    else
        must(finding_has(&ours->findings, FINDING_VERSION_UNKNOWN));
}

static void same_serial(const X509 *theirs, const struct cert *ours)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(theirs);
    uint8_t *encoded = NULL;
    int len = i2d_ASN1_INTEGER(serial, &encoded);
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(span_of(encoded, len > 0 ? (size_t)len : 0), &ignored);
    struct span mine = ours->serial;
    struct der_item item;

    must(len > 0 && der_expect(&in, DER_INTEGER, &item));
    /* Theirs comes back in its shortest form. */
    while (mine.len > 1 &&
           ((mine.at[0] == 0 && mine.at[1] < 0x80) || (mine.at[0] == 0xff && mine.at[1] >= 0x80)))
        mine = span_part(mine, 1, mine.len);
    must(span_eq(mine, item.value));
    OPENSSL_free(encoded);
}

static void same_dn(const X509_NAME *theirs, struct span ours)
{
    const unsigned char *der;
    size_t len;

    must(X509_NAME_get0_der(theirs, &der, &len) == 1);
    must(span_eq(ours, span_of(der, len)));
}

static void same_time(const ASN1_TIME *theirs, int64_t ours)
{
    struct tm tm;
    int days = 0;
    int rest = 0;
    ASN1_TIME *epoch;

    if (ASN1_TIME_to_tm(theirs, &tm) != 1)
        return;
    epoch = ASN1_TIME_set(NULL, 0);
    must(epoch != NULL && ASN1_TIME_diff(&days, &rest, epoch, theirs) == 1);
    ASN1_TIME_free(epoch);
    must(ours == (int64_t)days * 86400 + rest);
}

static void same_key(const X509 *theirs, const struct cert *ours)
{
    ASN1_OBJECT *oid = NULL;
    const unsigned char *bits = NULL;
    int len = 0;
    struct spki_key key;

    must(X509_PUBKEY_get0_param(&oid, &bits, &len, NULL, X509_get_X509_PUBKEY(theirs)) == 1);
    /* False also for a key inside the bits that is none of its algorithm, which OpenSSL does not ask here. */
    (void)spki_open(ours, &key);
    must(span_eq(ours->key_oid, oid_of(oid)));
    must(same_bits(key.bits, span_of(bits, (size_t)len)));
}

static void same_exts(const X509 *theirs, const struct cert *ours)
{
    struct finding_set ignored = {{0, 0}};
    struct ext ext;
    struct ext_item item;
    int count = 0;

    ext_init(&ext, ours->exts, &ignored);
    for (; ext_next(&ext, &item); count++) {
        must(count < X509_get_ext_count(theirs) && !item.unreadable);
        X509_EXTENSION *other = X509_get_ext(theirs, count);
        must(span_eq(item.oid, oid_of(X509_EXTENSION_get_object(other))));
        must(item.critical == (X509_EXTENSION_get_critical(other) != 0));
        must(span_eq(item.value, string_of(X509_EXTENSION_get_data(other))));
    }
    must(count == X509_get_ext_count(theirs) && !ext.damaged);
}

static void same_name(const GENERAL_NAME *theirs, const struct san_item *ours)
{
    int type = -1;
    void *value = GENERAL_NAME_get0_value(theirs, &type);

    must(type == (int)ours->kind);
    switch (type) {
    case GEN_EMAIL:
    case GEN_DNS:
    case GEN_URI:
    case GEN_IPADD:
        must(span_eq(ours->value, string_of(value)));
        break;
    case GEN_RID:
        must(span_eq(ours->value, oid_of(value)));
        break;
    case GEN_DIRNAME:
        same_dn(value, ours->value);
        break;
    default:
        break;
    }
}

/* OpenSSL does not look behind the names; we say that there may be more. */
static bool has_tail(struct span value)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(value, &ignored);
    struct der_item item;

    return der_next(&in, &item) && der_more(&in);
}

static void same_names(const X509 *theirs, const struct cert *ours)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(theirs, NID_subject_alt_name, NULL, NULL);
    struct san san;
    struct san_item item;
    int count = 0;

    /* NULL: none, several, or one that OpenSSL can not read. */
    if (names == NULL)
        return;
    san_init(&san, ours);
    for (; san_next(&san, &item); count++) {
        must(count < sk_GENERAL_NAME_num(names));
        same_name(sk_GENERAL_NAME_value(names, count), &item);
    }
    must(count == sk_GENERAL_NAME_num(names));
    must(!san.damaged || has_tail(ours->san));
    GENERAL_NAMES_free(names);
}

/* What a client could compare with a host: letters, digits, hyphens and dots, and no address. */
static bool is_host(struct span name)
{
    size_t dots = 0;
    size_t letters = 0;
    size_t label = 0;

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && c != '-' && c != '.' && (c < '0' || c > '9'))
            return false;
        if (c == '.' && label == 0)
            return false;
        label = c == '.' ? 0 : label + 1;
        dots += c == '.';
        letters += letter;
    }
    return dots != 0 && letters != 0 && label != 0;
}

static bool same_host(struct span a, struct span b)
{
    return a.len == b.len && strncasecmp((const char *)a.at, (const char *)b.at, a.len) == 0;
}

struct listed {
    const struct name *names;
    size_t count;
    bool lost; /* a placeholder for everything is among them */
};

static void is_listed(const struct listed *listed, struct span host)
{
    bool found = listed->lost || !is_host(host);

    for (size_t i = 0; i < listed->count && !found; i++)
        found = same_host(listed->names[i].text, host) || same_host(listed->names[i].raw, host);
    must(found);
}

static void all_listed(const X509 *theirs, const struct listed *listed)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(theirs, NID_subject_alt_name, NULL, NULL);
    const X509_NAME *subject = X509_get_subject_name(theirs);
    int at = -1;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            is_listed(listed, string_of(name->d.dNSName));
    }
    GENERAL_NAMES_free(names);
    while ((at = X509_NAME_get_index_by_NID((X509_NAME *)(uintptr_t)subject, NID_commonName, at)) >= 0) {
        unsigned char *utf8 = NULL;
        const ASN1_STRING *cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        int len = ASN1_STRING_to_UTF8(&utf8, cn);
        if (len > 0)
            is_listed(listed, span_of(utf8, (size_t)len));
        OPENSSL_free(utf8);
    }
}

/* Whatever the form: a host name that OpenSSL sees is one of ours, or something of ours stands for it. */
static void no_host_missed(const X509 *theirs, const struct cert *ours)
{
    struct finding_set findings = {{0, 0}};
    struct listed listed = {NULL, 0, false};
    struct arena arena;
    struct name *names;

    /* Names are read with a list of public suffixes; which one does not matter here. */
    static bool ready;
    ready = ready || dns_psl_load(SPAN_LIT("com\norg\n"), NULL) == ERR_OK;
    must(ready && arena_init(&arena, (size_t)64 << 20));
    names_collect(ours, &arena, &names, &listed.count, &findings);
    listed.names = names;
    for (size_t i = 0; i < listed.count; i++)
        listed.lost = listed.lost || span_eq(names[i].text, SPAN_LIT("?"));
    all_listed(theirs, &listed);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    X509 *theirs = d2i_X509(NULL, &at, (long)size);
    const ASN1_BIT_STRING *signature;
    struct cert ours;
    bool good = tbs_read_certificate(span_of(data, size), &ours);

    ERR_clear_error();
    if (theirs == NULL)
        return 0;
    no_host_missed(theirs, &ours);
    if (!has_parts(span_of(data, (size_t)(at - data)), 16)) {
        must(good);
        must(ours.der.at == data && ours.der.len == (size_t)(at - data));
        must(finding_has(&ours.findings, FINDING_TRAILING_BYTES) == (ours.der.len != size));
        same_version(X509_get_version(theirs), &ours);
        same_serial(theirs, &ours);
        same_dn(X509_get_issuer_name(theirs), ours.issuer);
        same_dn(X509_get_subject_name(theirs), ours.subject);
        same_time(X509_get0_notBefore(theirs), ours.not_before);
        same_time(X509_get0_notAfter(theirs), ours.not_after);
        same_key(theirs, &ours);
        X509_get0_signature(&signature, NULL, theirs);
        must(same_bits(ours.sig, string_of(signature)));
        same_exts(theirs, &ours);
        same_names(theirs, &ours);
        ERR_clear_error();
    }
    X509_free(theirs);
    return 0;
}
