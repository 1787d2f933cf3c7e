#include "parser/csr.h"

#include "parser/der.h"
#include "parser/ext.h"

#define CSR_ATTRIBUTES 0xa0

/* 1.2.840.113549.1.9.14 */
static const uint8_t request_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e};

/* Attribute ::= SEQUENCE { type OID, values SET OF ANY }: the first value of an extensionRequest. */
static struct span requested(struct span attributes, struct finding_set *findings)
{
    struct der in = der_of(attributes, findings);
    struct der_item attribute;
    while (der_more(&in) && der_expect(&in, DER_SEQUENCE, &attribute)) {
        struct der parts = der_of(attribute.value, findings);
        struct der_item item;
        if (!der_expect(&parts, DER_OID, &item) ||
            !span_eq(item.value, span_of(request_oid, sizeof request_oid)) ||
            !der_expect(&parts, DER_SET, &item))
            continue;
        struct der values = der_of(item.value, findings);
        if (der_expect(&values, DER_SEQUENCE, &item))
            return item.value;
    }
    return SPAN_NONE;
}

/* SubjectPublicKeyInfo: an algorithm, and bits. What stands here in a certificate of version 1 is a Name. */
static bool is_key(struct span value, struct finding_set *findings)
{
    struct der in = der_of(value, findings);
    struct der_item item;
    return der_expect(&in, DER_SEQUENCE, &item) && der_expect(&in, DER_BIT_STRING, &item);
}

bool csr_read(struct span der, struct cert *cert)
{
    struct der in = der_of(der, &cert->findings);
    struct der_item item;
    if (!der_expect(&in, DER_SEQUENCE, &item))
        return false;
    struct der request = der_of(item.value, &cert->findings);
    if (!der_expect(&request, DER_SEQUENCE, &item))
        return false;
    struct der info = der_of(item.value, &cert->findings);
    struct der_item subject;
    struct der_item key;
    if (!der_expect(&info, DER_INTEGER, &item) || !der_expect(&info, DER_SEQUENCE, &subject) ||
        !der_expect(&info, DER_SEQUENCE, &key) || !is_key(key.value, &cert->findings))
        return false;
    cert->subject = subject.whole;
    cert->spki = key.whole;
    if (der_optional(&info, CSR_ATTRIBUTES, &item))
        cert->exts = requested(item.value, &cert->findings);
    if (cert->exts.at != NULL)
        ext_read_all(cert);
    return true;
}
