#include "parser/qc.h"

void qc_init(struct qc *qc, struct span ext_value)
{
    struct der outer;
    struct der_item item;

    qc->ignored = (struct finding_set){{0, 0}};
    qc->damaged = false;
    qc->in = der_of(SPAN_NONE, &qc->ignored);
    if (ext_value.at == NULL)
        return;
    outer = der_of(ext_value, &qc->ignored);
    qc->damaged = !der_expect(&outer, DER_SEQUENCE, &item) || !der_done(&outer);
    if (!outer.failed)
        qc->in = der_of(item.value, &qc->ignored);
}

bool qc_next(struct qc *qc, struct qc_item *item)
{
    struct der_item statement;
    struct der_item part;

    while (der_more(&qc->in)) {
        if (!der_expect(&qc->in, DER_SEQUENCE, &statement)) {
            qc->damaged = true;
            return false;
        }
        struct der in = der_of(statement.value, &qc->ignored);
        if (!der_expect(&in, DER_OID, &part)) {
            qc->damaged = true;
            continue;
        }
        *item = (struct qc_item){.oid = part.value, .id = oid_find(part.value)};
        if (der_more(&in) && der_next(&in, &part))
            item->info = part.whole;
        if (!der_done(&in))
            qc->damaged = true;
        return true;
    }
    return false;
}

struct span qc_types(const struct qc_item *item)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(item->info, &ignored);
    struct der_item list;

    if (item->id != OID_QC_TYPE || !der_expect(&in, DER_SEQUENCE, &list))
        return SPAN_NONE;
    return list.value;
}

bool qc_next_type(struct span *rest, struct span *oid)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(*rest, &ignored);
    struct der_item item;

    if (!der_more(&in) || !der_expect(&in, DER_OID, &item))
        return false;
    *oid = item.value;
    *rest = span_of(in.at, der_left(&in));
    return true;
}
