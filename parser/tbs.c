#include "parser/tbs.h"

#include "parser/ext.h"
#include "parser/sctlist.h"
#include "parser/spki.h"
#include "parser/swift.h"
#include "parser/when.h"

static void read_serial(struct cert *cert, struct span serial)
{
    struct finding_set *findings = &cert->findings;

    cert->serial = serial;
    if (serial.len == 0) {
        finding_add(findings, FINDING_INTEGER_NOT_MINIMAL);
        return;
    }
    if (serial.at[0] >= 0x80)
        finding_add(findings, FINDING_SERIAL_NEGATIVE);
    if (serial.len > 20)
        finding_add(findings, FINDING_SERIAL_LONG);
    if (serial.at[0] != 0 && serial.at[0] != 0xff)
        return;
    if (serial.len > 1 && (serial.at[0] ^ serial.at[1]) < 0x80)
        finding_add(findings, FINDING_INTEGER_NOT_MINIMAL);
    for (size_t i = 0; i < serial.len; i++) {
        if (serial.at[i] != 0)
            return;
    }
    finding_add(findings, FINDING_SERIAL_ZERO);
}

/* version is the stored number plus one; absent means v1. */
static void read_version(struct cert *cert, struct der *in)
{
    struct der_item outer;
    struct der_item number;
    int64_t value = 0;

    cert->version = 1;
    if (!der_optional(in, 0xa0, &outer))
        return;
    struct der inner = der_of(outer.value, &cert->findings);
    if (!der_expect(&inner, DER_INTEGER, &number) || number.value.len == 0 || number.value.len > 4) {
        cert->version = 0;
        finding_add(&cert->findings, FINDING_VERSION_UNKNOWN);
        return;
    }
    value = number.value.at[0] >= 0x80 ? -1 : 0;
    for (size_t i = 0; i < number.value.len; i++)
        value = value * 256 + number.value.at[i];
    cert->version = value >= INT32_MAX ? INT32_MAX : (int32_t)(value + 1);
    if (cert->version < 1 || cert->version > 3)
        finding_add(&cert->findings, FINDING_VERSION_UNKNOWN);
    if (!der_done(&inner))
        finding_add(&cert->findings, FINDING_TBS_TRAILING_BYTES);
}

static int64_t read_time(struct cert *cert, struct der *in, int64_t fallback)
{
    struct der_item item;
    int64_t unix_s = fallback;
    enum when when = WHEN_UNREADABLE;

    if (der_next(in, &item))
        when = when_read(item.tag, item.value, &unix_s);
    if (when != WHEN_OK)
        finding_add(&cert->findings, when == WHEN_ODD ? FINDING_TIME_FORM : FINDING_TIME_UNREADABLE);
    return unix_s;
}

static void read_validity(struct cert *cert, struct span validity)
{
    struct der in = der_of(validity, &cert->findings);

    cert->not_before = read_time(cert, &in, CERT_TIME_MIN);
    cert->not_after = read_time(cert, &in, CERT_TIME_MAX);
    if (!in.failed && !der_done(&in))
        finding_add(&cert->findings, FINDING_TIME_FORM);
    if (cert->not_after < cert->not_before)
        finding_add(&cert->findings, FINDING_VALIDITY_REVERSED);
}

/* Only the outline of a Name: that its RDNs fit and none is empty. The attributes are read when names are
 * collected. */
static struct span read_name(struct cert *cert, struct der *in)
{
    struct der_item name;
    struct der_item rdn;

    if (!der_next(in, &name))
        return SPAN_NONE;
    struct der rdns = der_of(name.value, &cert->findings);
    bool fits = name.tag == DER_SEQUENCE;
    while (fits && der_more(&rdns)) {
        fits = der_expect(&rdns, DER_SET, &rdn);
        if (fits && rdn.value.len == 0)
            finding_add(&cert->findings, FINDING_RDN_EMPTY);
    }
    if (!fits || !der_done(&rdns))
        finding_add(&cert->findings, FINDING_NAME_UNREADABLE);
    return name.whole;
}

static struct span read_algorithm(struct der *in, struct finding_set *findings)
{
    struct der_item alg;
    struct der_item oid;

    if (!der_expect(in, DER_SEQUENCE, &alg))
        return SPAN_NONE;
    struct der inner = der_of(alg.value, findings);
    return der_expect(&inner, DER_OID, &oid) ? oid.value : SPAN_NONE;
}

/* `cut`: the certificate ends inside the TBSCertificate, so that the last element of each level is taken as
 * far as it goes. */
static bool next_of(struct der *in, struct der_item *item, bool cut)
{
    bool is_cut = false;

    return cut ? der_next_cut(in, item, &is_cut) : der_next(in, item);
}

static void read_extensions(struct cert *cert, const struct der_item *outer, bool cut)
{
    struct der in = der_of(outer->value, &cert->findings);
    struct der_item list;

    cert->exts_outer = outer->whole;
    if (cert->version != 3)
        finding_add(&cert->findings, FINDING_VERSION_EXTENSIONS);
    if (!next_of(&in, &list, cut) || list.tag != DER_SEQUENCE) {
        finding_add(&cert->findings, FINDING_EXTENSION_UNREADABLE);
        return;
    }
    if (!der_done(&in))
        finding_add(&cert->findings, FINDING_TBS_TRAILING_BYTES);
    cert->exts = list.value;
    if (list.value.len == 0)
        finding_add(&cert->findings, FINDING_EXTENSIONS_EMPTY);
    ext_read_all(cert);
}

static void check_scts(struct cert *cert)
{
    struct sctlist list;
    struct sctlist_item item;

    sctlist_of(&list, cert);
    while (sctlist_next(&list, &item))
        continue;
    if (list.damaged)
        finding_add(&cert->findings, FINDING_SCT_LIST_UNREADABLE);
}

/* There may be extensions that nobody will walk over, and names in them. */
static void extensions_lost(struct cert *cert)
{
    finding_add(&cert->findings, FINDING_EXTENSION_UNREADABLE);
    finding_add(&cert->findings, FINDING_SAN_UNREADABLE);
}

/* What may follow the key: unique identifiers [1] and [2], extensions [3]. Somebody who reads an unknown
 * element, or a second [3], as extensions must not see more than we say. */
static void read_tail(struct cert *cert, struct der *in, bool cut)
{
    struct der_item item;

    while (der_more(in) && next_of(in, &item, cut)) {
        if (item.tag == 0xa3 && cert->exts_outer.at == NULL) {
            read_extensions(cert, &item, cut);
        } else if (item.tag != 0x81 && item.tag != 0x82 && item.tag != 0xa1 && item.tag != 0xa2) {
            finding_add(&cert->findings, FINDING_TBS_TRAILING_BYTES);
            extensions_lost(cert);
        }
    }
    if (!der_done(in) || (cut && cert->exts_outer.at != NULL))
        extensions_lost(cert);
    if (cert->sct_list.at != NULL)
        check_scts(cert);
}

static void cert_clear(struct cert *cert)
{
    memset(cert, 0, sizeof *cert);
    cert->path_len = -1;
    cert->not_before = CERT_TIME_MIN;
    cert->not_after = CERT_TIME_MAX;
}

static bool read_fields(struct cert *cert, struct span content, bool cut)
{
    struct der in = der_of(content, &cert->findings);
    struct der_item item;

    read_version(cert, &in);
    if (!der_expect(&in, DER_INTEGER, &item))
        return false;
    read_serial(cert, item.value);
    cert->tbs_sig_oid = read_algorithm(&in, &cert->findings);
    cert->issuer = read_name(cert, &in);
    if (!der_next(&in, &item))
        return false;
    if (item.tag == DER_SEQUENCE)
        read_validity(cert, item.value);
    else
        finding_add(&cert->findings, FINDING_TIME_UNREADABLE);
    cert->subject = read_name(cert, &in);
    if (!der_next(&in, &item))
        return false;
    cert->spki = item.whole;
    spki_read(cert);
    if (cert->subject.len > 2 && span_eq(cert->subject, cert->issuer))
        cert->flags |= CERT_SELF_ISSUED;
    read_tail(cert, &in, cut);
    return true;
}

/* Reads the TBSCertificate at `in`. */
static bool read_tbs(struct cert *cert, struct der *in)
{
    struct der_item tbs;
    bool cut = false;

    if (!der_next_cut(in, &tbs, &cut))
        return false;
    cert->tbs = tbs.whole;
    return tbs.tag == DER_SEQUENCE && read_fields(cert, tbs.value, cut) && !cut;
}

static bool read_signature(struct cert *cert, struct der *in)
{
    struct der_item item;

    cert->sig_oid = read_algorithm(in, &cert->findings);
    if (!der_expect(in, DER_BIT_STRING, &item) || item.value.len == 0)
        return false;
    cert->sig = span_part(item.value, 1, item.value.len);
    if (!span_eq(cert->sig_oid, cert->tbs_sig_oid))
        finding_add(&cert->findings, FINDING_SIG_ALG_MISMATCH);
    return true;
}

bool tbs_reread_certificate(struct span der, struct cert *cert)
{
    struct der_item outer;
    bool cut = false;

    cert_clear(cert);
    struct der in = der_of(der, &cert->findings);
    bool good = der_next_cut(&in, &outer, &cut) && outer.tag == DER_SEQUENCE;
    cert->der = good ? outer.whole : der;
    if (good && !der_done(&in))
        finding_add(&cert->findings, FINDING_TRAILING_BYTES);
    if (good) {
        in = der_of(outer.value, &cert->findings);
        good = read_tbs(cert, &in) && read_signature(cert, &in) && !cut;
    }
    if (good && !der_done(&in))
        finding_add(&cert->findings, FINDING_TRAILING_BYTES);
    if (!good)
        finding_add(&cert->findings, FINDING_CERTIFICATE_UNREADABLE);
    return good;
}

bool tbs_reread(struct span tbs, struct cert *cert)
{
    cert_clear(cert);
    struct der in = der_of(tbs, &cert->findings);
    bool good = read_tbs(cert, &in);
    if (good && !der_done(&in))
        finding_add(&cert->findings, FINDING_TRAILING_BYTES);
    if (!good)
        finding_add(&cert->findings, FINDING_CERTIFICATE_UNREADABLE);
    return good;
}

bool tbs_read_certificate(struct span der, struct cert *cert)
{
    return swift_certificate(der, cert) || tbs_reread_certificate(der, cert);
}

bool tbs_read(struct span tbs, struct cert *cert)
{
    return swift_tbs(tbs, cert) || tbs_reread(tbs, cert);
}
