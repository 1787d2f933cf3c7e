/* Elements lie inside the input, follow each other without gaps, and a clean one is what der_header would
 * write. */
#include "parser/der.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static void walk(struct span bytes, unsigned depth)
{
    struct finding_set findings = {{0, 0}};
    struct der in = der_of(bytes, &findings);
    const uint8_t *at = bytes.at;
    struct der_item item;
    uint8_t head[6];

    while (der_more(&in) && der_next(&in, &item)) {
        inside(bytes, item.whole);
        inside(item.whole, item.value);
        must(item.whole.at == at && item.whole.len >= 2);
        at += item.whole.len;
        if (finding_none(&findings) && item.tag < 0x100 && (item.tag & 0x1f) != 0x1f) {
            size_t len = der_header((uint8_t)item.tag, item.value.len, head);
            must(len + item.value.len == item.whole.len && memcmp(head, item.whole.at, len) == 0);
        }
        if ((item.tag & 0x20u) != 0 && depth < 8)
            walk(item.value, depth + 1);
    }
    must(in.failed || at == bytes.at + bytes.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct finding_set findings = {{0, 0}};
    struct der in = der_of(input, &findings);
    struct der_item item;
    bool cut = false;

    walk(input, 0);
    if (der_next_cut(&in, &item, &cut)) {
        inside(input, item.whole);
        inside(item.whole, item.value);
        must(!cut || der_left(&in) == 0);
    }
    return 0;
}
