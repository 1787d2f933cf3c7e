/* Statements lie one behind the other inside the extension, and the types of one inside its info; an
 * undamaged extension is damaged when it ends an octet earlier. */
#include "parser/qc.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static size_t walk(struct span input, bool *damaged)
{
    struct qc qc;
    struct qc_item item;
    struct span type;
    const uint8_t *at = input.at;
    size_t count = 0;

    qc_init(&qc, input);
    while (qc_next(&qc, &item)) {
        struct span rest = qc_types(&item);
        inside(input, item.oid);
        inside(input, item.info);
        must(item.oid.at > at && item.id == oid_find(item.oid));
        at = item.oid.at + item.oid.len - 1;
        must(rest.at == NULL || item.id == OID_QC_TYPE);
        while (qc_next_type(&rest, &type)) {
            inside(item.info, type);
            inside(item.info, rest);
        }
        count++;
    }
    must(!qc_next(&qc, &item));
    *damaged = qc.damaged;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool damaged;
    size_t count = walk(span_of(data, size), &damaged);

    must(count * 4 <= size);
    if (damaged || size == 0)
        return 0;
    must(walk(span_of(data, size - 1), &damaged) <= count && damaged);
    return 0;
}
