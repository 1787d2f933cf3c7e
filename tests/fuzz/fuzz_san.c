/* As the value of one SAN extension: names lie inside it, and unless damage is reported they are all of it.
 */
#include "parser/san.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct cert cert = {.san = input};
    struct san san;
    struct san_item item;
    size_t total = 0;
    size_t count = 0;

    san_init(&san, &cert);
    while (san_next(&san, &item)) {
        inside(input, item.whole);
        inside(item.whole, item.value);
        must(item.kind != SAN_UNKNOWN_KIND || san.damaged);
        total += item.whole.len;
        count++;
    }
    must(total <= size);
    if (!san.damaged) {
        struct finding_set findings = {{0, 0}};
        struct der in = der_of(input, &findings);
        struct der_item outer;
        must(der_expect(&in, DER_SEQUENCE, &outer) && der_done(&in));
        must(total == outer.value.len && (count == 0) == san.empty);
    }

    /* As the whole list of extensions: the same names however many extensions carry them. */
    struct cert many = {.exts = input, .flags = CERT_SAN_DUPLICATE};
    san_init(&san, &many);
    while (san_next(&san, &item)) {
        inside(input, item.whole);
        inside(item.whole, item.value);
    }
    return 0;
}
