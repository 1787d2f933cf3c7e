#include "parser/lintname.h"

#include "base/text.h"
#include "parser/dn.h"

#define OU_FORBIDDEN_SINCE 1661990400 /* 2022-09-01, BR 7.1.4.2.2 */
#define NAME_BYTES         253
#define LABEL_BYTES        63

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_printable(uint8_t c)
{
    return is_letter(c) || is_digit(c) || (c != 0 && strchr(" '()+,-./:=?", c) != NULL);
}

static bool all_printable(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (!is_printable(value.at[i]))
            return false;
    }
    return true;
}

static bool all_ascii(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] >= 0x80)
            return false;
    }
    return true;
}

static bool has_its_characters(const struct dn_attr *attr)
{
    switch (attr->tag) {
    case DER_UTF8_STRING:
        return text_is_utf8(attr->value);
    case DER_PRINTABLE_STRING:
        return all_printable(attr->value);
    case DER_IA5_STRING:
        return all_ascii(attr->value);
    case DER_BMP_STRING:
        return attr->value.len % 2 == 0;
    case DER_UNIVERSAL_STRING:
        return attr->value.len % 4 == 0;
    default:
        return true;
    }
}

/* Attributes nobody here knows may have any type, but the old ones are given up (RFC 5280 section 4.1.2.4).
 */
static bool has_its_type(enum oid id, uint32_t tag)
{
    bool old = tag == DER_TELETEX_STRING || tag == DER_BMP_STRING || tag == DER_UNIVERSAL_STRING;

    switch (id) {
    case OID_DN_COUNTRY:
    case OID_DN_EV_COUNTRY:
    case OID_DN_SERIAL:
        return tag == DER_PRINTABLE_STRING;
    case OID_DN_EMAIL:
    case OID_DN_DC:
        return tag == DER_IA5_STRING;
    case OID_UNKNOWN:
        return !old;
    default:
        return tag == DER_PRINTABLE_STRING || tag == DER_UTF8_STRING;
    }
}

/* Upper bounds of RFC 5280 appendix A.1, in characters; 0: none. */
static size_t longest(enum oid id)
{
    switch (id) {
    case OID_DN_CN:
    case OID_DN_ORG:
    case OID_DN_UNIT:
    case OID_DN_TITLE:
    case OID_DN_SERIAL:
        return 64;
    case OID_DN_LOCALITY:
    case OID_DN_STATE:
    case OID_DN_EV_LOCALITY:
    case OID_DN_EV_STATE:
        return 128;
    case OID_DN_EMAIL:
        return 255;
    default:
        return 0;
    }
}

static size_t characters(const struct dn_attr *attr)
{
    size_t count = 0;

    if (attr->tag == DER_BMP_STRING)
        return attr->value.len / 2;
    if (attr->tag == DER_UNIVERSAL_STRING)
        return attr->value.len / 4;
    if (attr->tag != DER_UTF8_STRING)
        return attr->value.len;
    for (size_t i = 0; i < attr->value.len; i++)
        count += (attr->value.at[i] & 0xc0u) != 0x80u;
    return count;
}

static bool is_country(struct span value)
{
    return value.len == 2 && value.at[0] >= 'A' && value.at[0] <= 'Z' && value.at[1] >= 'A' &&
           value.at[1] <= 'Z';
}

static void check_attribute(const struct dn_attr *attr, struct finding_set *findings)
{
    enum oid id = oid_find(attr->oid);
    size_t bound = longest(id);

    if (!has_its_type(id, attr->tag))
        finding_add(findings, FINDING_DN_STRING_TYPE);
    if (!dn_is_text(attr->tag))
        return;
    if (!has_its_characters(attr))
        finding_add(findings, FINDING_DN_CHARACTERS);
    if (bound != 0 && attr->value.len > bound && characters(attr) > bound)
        finding_add(findings, FINDING_DN_LONG);
    if (attr->value.len == 0)
        finding_add(findings, FINDING_DN_EMPTY_VALUE);
    if ((id == OID_DN_COUNTRY || id == OID_DN_EV_COUNTRY) && !is_country(attr->value))
        finding_add(findings, FINDING_COUNTRY_FORM);
}

/* True when one of the attributes is an organisational unit. */
static bool check_name(struct span name, struct finding_set *findings)
{
    struct dn dn;
    struct dn_attr attr;
    bool unit = false;

    dn_init(&dn, name);
    while (dn_next(&dn, &attr)) {
        check_attribute(&attr, findings);
        unit = unit || oid_find(attr.oid) == OID_DN_UNIT;
    }
    finding_merge(findings, &dn.odd);
    return unit;
}

static bool is_too_long(struct span dns)
{
    size_t label = 0;

    if (dns.len > NAME_BYTES + 1 || (dns.len > NAME_BYTES && dns.at[dns.len - 1] != '.'))
        return true;
    for (size_t i = 0; i < dns.len; i++) {
        label = dns.at[i] == '.' ? 0 : label + 1;
        if (label > LABEL_BYTES)
            return true;
    }
    return false;
}

/* RFC 3986 section 3: a scheme, and nothing but visible ASCII. */
static bool is_uri(struct span uri)
{
    size_t scheme = 0;

    while (scheme < uri.len && (is_letter(uri.at[scheme]) || is_digit(uri.at[scheme]) ||
                                memchr("+-.", uri.at[scheme], 3) != NULL))
        scheme++;
    if (scheme == 0 || scheme == uri.len || uri.at[scheme] != ':' || !is_letter(uri.at[0]))
        return false;
    for (size_t i = scheme; i < uri.len; i++) {
        if (uri.at[i] <= 0x20 || uri.at[i] >= 0x7f)
            return false;
    }
    return true;
}

static bool is_email(struct span email)
{
    const uint8_t *at = email.len == 0 ? NULL : memrchr(email.at, '@', email.len);

    if (at == NULL || at == email.at || at == email.at + email.len - 1)
        return false;
    for (size_t i = 0; i < email.len; i++) {
        if (email.at[i] < 0x20 || email.at[i] >= 0x7f)
            return false;
    }
    return true;
}

void lintname_general(const struct san_item *name, struct finding_set *findings)
{
    switch (name->kind) {
    case SAN_DNS:
        if (is_too_long(name->value))
            finding_add(findings, FINDING_DNS_LONG);
        break;
    case SAN_URI:
        if (!is_uri(name->value))
            finding_add(findings, FINDING_URI_FORM);
        break;
    case SAN_EMAIL:
        if (!is_email(name->value))
            finding_add(findings, FINDING_EMAIL_FORM);
        break;
    case SAN_DIRECTORY:
        (void)check_name(name->value, findings);
        break;
    default:
        break;
    }
}

void lintname_read(const struct cert *cert, struct finding_set *findings)
{
    struct san san;
    struct san_item item;
    bool server = (cert->flags & CERT_SERVER_AUTH) != 0 && (cert->flags & CERT_IS_CA) == 0;

    (void)check_name(cert->issuer, findings);
    bool unit = check_name(cert->subject, findings);
    if (unit && server && cert->not_before >= OU_FORBIDDEN_SINCE)
        finding_add(findings, FINDING_OU_PRESENT);
    san_init(&san, cert);
    while (san_next(&san, &item))
        lintname_general(&item, findings);
    finding_merge(findings, &san.odd);
}
