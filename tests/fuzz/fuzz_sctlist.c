/* SCTs lie inside the value; a list without damage is covered by its SCTs to the last byte. */
#include "parser/der.h"
#include "parser/sctlist.h"
#include "tests/fuzz/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct sctlist list;
    struct sctlist_item item;
    size_t total = 0;
    bool odd;

    sctlist_init(&list, input);
    while (sctlist_next(&list, &item)) {
        inside(input, item.whole);
        inside(item.whole, item.log_id);
        inside(item.whole, item.extensions);
        inside(item.whole, item.signature);
        inside(item.whole, item.signed_part);
        must(!item.readable || (item.log_id.len == 32 && item.version == 0));
        must(item.readable || item.version != 0 || list.damaged);
        must(item.leaf_index < INT64_C(1) << 40);
        total += item.whole.len + 2;
    }
    if (!list.damaged && size != 0) {
        struct finding_set findings = {{0, 0}};
        struct der in = der_of(input, &findings);
        struct der_item outer;
        must(der_expect(&in, DER_OCTET_STRING, &outer) && der_done(&in) && total + 2 == outer.value.len);
    }
    int64_t index = sctlist_leaf_index(input, &odd);
    must(index >= -1 && index < INT64_C(1) << 40 && (!odd || index == -1));
    return 0;
}
