#include "parser/crldp.h"

void crldp_init(struct crldp *crldp, struct span ext_value)
{
    struct der outer;
    struct der_item item;

    crldp->ignored = (struct finding_set){{0, 0}};
    crldp->damaged = false;
    crldp->point = UINT32_MAX;
    crldp->reasons = SPAN_NONE;
    crldp->issuer = SPAN_NONE;
    crldp->points = der_of(SPAN_NONE, &crldp->ignored);
    crldp->names = crldp->points;
    if (ext_value.at == NULL)
        return;
    outer = der_of(ext_value, &crldp->ignored);
    crldp->damaged = !der_expect(&outer, DER_SEQUENCE, &item) || !der_done(&outer);
    if (!outer.failed)
        crldp->points = der_of(item.value, &crldp->ignored);
}

/* DistributionPointName ::= [0] { CHOICE { [0] fullName, [1] nameRelativeToCRLIssuer } } */
static void open_name(struct crldp *crldp, struct span value, struct span *relative)
{
    struct der in = der_of(value, &crldp->ignored);
    struct der_item name;

    if (der_optional(&in, 0xa0, &name))
        crldp->names = der_of(name.value, &crldp->ignored);
    else if (der_optional(&in, 0xa1, &name))
        *relative = name.value;
    if (!der_done(&in) || value.len == 0)
        crldp->damaged = true;
}

static void open_point(struct crldp *crldp, struct span value, struct span *relative)
{
    struct der in = der_of(value, &crldp->ignored);
    struct der_item part;

    crldp->point++;
    crldp->reasons = SPAN_NONE;
    crldp->issuer = SPAN_NONE;
    if (der_optional(&in, 0xa0, &part))
        open_name(crldp, part.value, relative);
    if (der_optional(&in, 0x81, &part))
        crldp->reasons = part.value;
    if (der_optional(&in, 0xa2, &part))
        crldp->issuer = part.value;
    if (!der_done(&in))
        crldp->damaged = true;
}

static bool give(struct crldp *crldp, struct crldp_item *item, struct span relative)
{
    struct der_item name = {0, SPAN_NONE, SPAN_NONE};

    if (der_more(&crldp->names) && !der_next(&crldp->names, &name))
        crldp->damaged = true;
    item->point = crldp->point;
    item->name = san_item_of(&name);
    item->relative = relative;
    item->reasons = crldp->reasons;
    item->issuer = crldp->issuer;
    if (name.whole.at != NULL && item->name.kind == SAN_UNKNOWN_KIND)
        crldp->damaged = true;
    return true;
}

bool crldp_next(struct crldp *crldp, struct crldp_item *item)
{
    struct der_item point;
    struct span relative = SPAN_NONE;

    if (der_more(&crldp->names))
        return give(crldp, item, relative);
    if (!der_more(&crldp->points))
        return false;
    if (!der_expect(&crldp->points, DER_SEQUENCE, &point)) {
        crldp->damaged = true;
        return false;
    }
    open_point(crldp, point.value, &relative);
    return give(crldp, item, relative);
}
