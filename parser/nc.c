#include "parser/nc.h"

void nc_init(struct nc *nc, struct span ext_value)
{
    struct der outer;
    struct der_item item;

    nc->ignored = (struct finding_set){{0, 0}};
    nc->side = NC_PERMITTED;
    nc->damaged = false;
    nc->empty = false;
    nc->fields = der_of(SPAN_NONE, &nc->ignored);
    nc->trees = nc->fields;
    if (ext_value.at == NULL)
        return;
    outer = der_of(ext_value, &nc->ignored);
    nc->damaged = !der_expect(&outer, DER_SEQUENCE, &item) || !der_done(&outer);
    if (outer.failed)
        return;
    nc->empty = item.value.len == 0;
    nc->fields = der_of(item.value, &nc->ignored);
}

/* Moves to the next list that has subtrees. */
static bool next_list(struct nc *nc)
{
    struct der_item list;

    while (!der_more(&nc->trees)) {
        nc->damaged = nc->damaged || nc->trees.failed;
        if (!der_more(&nc->fields))
            return false;
        if (!der_next(&nc->fields, &list)) {
            nc->damaged = true;
            return false;
        }
        if (list.tag != 0xa0 && list.tag != 0xa1) {
            nc->damaged = true;
            continue;
        }
        nc->side = list.tag == 0xa0 ? NC_PERMITTED : NC_EXCLUDED;
        nc->empty = nc->empty || list.value.len == 0;
        nc->trees = der_of(list.value, &nc->ignored);
    }
    return true;
}

bool nc_next(struct nc *nc, struct nc_item *item)
{
    struct der_item tree;
    struct der_item base;
    struct der_item bound;

    while (next_list(nc)) {
        if (!der_expect(&nc->trees, DER_SEQUENCE, &tree)) {
            nc->damaged = true;
            continue;
        }
        struct der in = der_of(tree.value, &nc->ignored);
        if (!der_next(&in, &base)) {
            nc->damaged = true;
            continue;
        }
        item->side = nc->side;
        item->base = san_item_of(&base);
        item->bounded = der_optional(&in, 0x80, &bound);
        item->bounded = der_optional(&in, 0x81, &bound) || item->bounded;
        if (!der_done(&in) || item->base.kind == SAN_UNKNOWN_KIND)
            nc->damaged = true;
        return true;
    }
    return false;
}
