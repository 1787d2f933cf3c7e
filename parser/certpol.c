#include "parser/certpol.h"

void certpol_init(struct certpol *pol, struct span ext_value)
{
    struct der outer;
    struct der_item item;

    pol->ignored = (struct finding_set){{0, 0}};
    pol->damaged = false;
    pol->in = der_of(SPAN_NONE, &pol->ignored);
    if (ext_value.at == NULL)
        return;
    outer = der_of(ext_value, &pol->ignored);
    pol->damaged = !der_expect(&outer, DER_SEQUENCE, &item) || !der_done(&outer);
    if (!outer.failed)
        pol->in = der_of(item.value, &pol->ignored);
}

/* PolicyQualifierInfo ::= SEQUENCE { OID, ANY }: of each only its outline, of the first statement its URI. */
static bool read_qualifiers(struct certpol *pol, struct certpol_item *item)
{
    struct der list = der_of(item->qualifiers, &pol->ignored);
    struct der_item info;
    struct der_item oid;
    struct der_item value;

    while (der_more(&list)) {
        if (!der_expect(&list, DER_SEQUENCE, &info))
            return false;
        struct der in = der_of(info.value, &pol->ignored);
        if (!der_expect(&in, DER_OID, &oid) || !der_next(&in, &value) || !der_done(&in))
            return false;
        if (item->cps.at == NULL && oid_find(oid.value) == OID_QUALIFIER_CPS)
            item->cps = value.value;
    }
    return true;
}

bool certpol_next(struct certpol *pol, struct certpol_item *item)
{
    struct der_item policy;
    struct der_item part;

    while (der_more(&pol->in)) {
        if (!der_expect(&pol->in, DER_SEQUENCE, &policy)) {
            pol->damaged = true;
            return false;
        }
        struct der in = der_of(policy.value, &pol->ignored);
        if (!der_expect(&in, DER_OID, &part)) {
            pol->damaged = true;
            continue;
        }
        *item = (struct certpol_item){.oid = part.value, .id = oid_find(part.value)};
        if (der_optional(&in, DER_SEQUENCE, &part))
            item->qualifiers = part.value;
        if (!der_done(&in) || !read_qualifiers(pol, item))
            pol->damaged = true;
        return true;
    }
    return false;
}
