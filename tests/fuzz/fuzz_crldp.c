/* Names lie one behind the other inside the extension, those of a point together, and no point is passed
 * over; an undamaged extension is damaged when it ends an octet earlier. */
#include "parser/crldp.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static size_t walk(struct span input, bool *damaged)
{
    struct crldp crldp;
    struct crldp_item item;
    const uint8_t *at = input.at;
    uint32_t next = 0;
    size_t count = 0;

    crldp_init(&crldp, input);
    while (crldp_next(&crldp, &item)) {
        inside(input, item.name.whole);
        inside(item.name.whole, item.name.value);
        inside(input, item.relative);
        inside(input, item.reasons);
        inside(input, item.issuer);
        must(item.point == next || item.point + 1 == next);
        next = item.point + 1;
        if (item.name.whole.at != NULL) {
            must(item.name.whole.at >= at && item.relative.at == NULL);
            at = item.name.whole.at + item.name.whole.len;
            must(item.name.kind != SAN_UNKNOWN_KIND || crldp.damaged);
        }
        count++;
    }
    must(!crldp_next(&crldp, &item));
    *damaged = crldp.damaged;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool damaged;
    size_t count = walk(span_of(data, size), &damaged);

    must(count * 2 <= size);
    if (damaged || size == 0)
        return 0;
    must(walk(span_of(data, size - 1), &damaged) <= count && damaged);
    return 0;
}
