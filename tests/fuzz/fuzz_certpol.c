/* Policies lie one behind the other inside the extension. An undamaged extension that ends one octet earlier
 * is damaged; one alone, in a list of its own, is read as it was among the others. */
#include "parser/certpol.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static size_t walk(struct span input, bool *damaged)
{
    struct certpol pol;
    struct certpol_item item;
    const uint8_t *at = input.at;
    size_t count = 0;

    certpol_init(&pol, input);
    while (certpol_next(&pol, &item)) {
        inside(input, item.oid);
        inside(input, item.qualifiers);
        inside(item.qualifiers, item.cps);
        must(item.oid.at > at && item.id == oid_find(item.oid));
        at = item.oid.at + item.oid.len;
        must(item.qualifiers.at == NULL || item.qualifiers.at >= at);
        count++;
    }
    must(!certpol_next(&pol, &item));
    *damaged = pol.damaged;
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
