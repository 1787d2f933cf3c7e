/* Descriptions lie one behind the other inside the extension; one that is undamaged is damaged when it ends
 * an octet earlier. */
#include "parser/access.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static size_t walk(struct span input, bool *damaged)
{
    struct access access;
    struct access_item item;
    const uint8_t *at = input.at;
    size_t count = 0;

    access_init(&access, input);
    while (access_next(&access, &item)) {
        inside(input, item.method);
        inside(input, item.location.whole);
        inside(item.location.whole, item.location.value);
        must(item.method.at > at && item.location.whole.at >= item.method.at + item.method.len);
        at = item.location.whole.at + item.location.whole.len - 1;
        must(item.id == oid_find(item.method));
        must(item.location.kind != SAN_UNKNOWN_KIND || access.damaged);
        count++;
    }
    must(!access_next(&access, &item));
    *damaged = access.damaged;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool damaged;
    size_t count = walk(span_of(data, size), &damaged);

    must(count * 6 <= size);
    if (damaged || size == 0)
        return 0;
    must(walk(span_of(data, size - 1), &damaged) <= count && damaged);
    return 0;
}
