#include "parser/access.h"

void access_init(struct access *access, struct span ext_value)
{
    struct der outer;
    struct der_item item;

    access->ignored = (struct finding_set){{0, 0}};
    access->damaged = false;
    access->in = der_of(SPAN_NONE, &access->ignored);
    if (ext_value.at == NULL)
        return;
    outer = der_of(ext_value, &access->ignored);
    access->damaged = !der_expect(&outer, DER_SEQUENCE, &item) || !der_done(&outer);
    if (!outer.failed)
        access->in = der_of(item.value, &access->ignored);
}

bool access_next(struct access *access, struct access_item *item)
{
    struct der_item description;
    struct der_item method;
    struct der_item location;

    while (der_more(&access->in)) {
        if (!der_expect(&access->in, DER_SEQUENCE, &description)) {
            access->damaged = true;
            return false;
        }
        struct der in = der_of(description.value, &access->ignored);
        if (!der_expect(&in, DER_OID, &method) || !der_next(&in, &location)) {
            access->damaged = true;
            continue;
        }
        item->method = method.value;
        item->id = oid_find(method.value);
        item->location = san_item_of(&location);
        if (!der_done(&in) || item->location.kind == SAN_UNKNOWN_KIND)
            access->damaged = true;
        return true;
    }
    return false;
}
