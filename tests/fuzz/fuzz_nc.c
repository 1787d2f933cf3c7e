/* Subtrees lie one behind the other inside the extension; an undamaged extension is damaged when it ends an
 * octet earlier, and one without subtrees says that it is empty. */
#include "parser/nc.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static size_t walk(struct span input, struct nc *nc)
{
    struct nc_item item;
    const uint8_t *at = input.at;
    size_t count = 0;

    nc_init(nc, input);
    while (nc_next(nc, &item)) {
        inside(input, item.base.whole);
        inside(item.base.whole, item.base.value);
        must(item.base.whole.at > at);
        at = item.base.whole.at + item.base.whole.len - 1;
        must(item.base.kind != SAN_UNKNOWN_KIND || nc->damaged);
        count++;
    }
    must(!nc_next(nc, &item));
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nc nc;
    size_t count = walk(span_of(data, size), &nc);

    must(count * 4 <= size);
    if (nc.damaged || size == 0)
        return 0;
    must(count != 0 || nc.empty);
    must(walk(span_of(data, size - 1), &nc) <= count && nc.damaged);
    return 0;
}
