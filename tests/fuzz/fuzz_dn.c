/* Attributes lie inside the Name; their UTF-8 fits the promised room, and less room gives a beginning of it;
 * the text has no control bytes and ends where it says. */
#include <stdlib.h>

#include "parser/dn.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static void convert(const struct dn_attr *attr)
{
    size_t cap = DN_UTF8_ROOM(attr->value.len);
    uint8_t *all = malloc(cap + 1);
    uint8_t *part = malloc(cap / 2 + 1);

    must(all != NULL && part != NULL);
    size_t len = dn_utf8(attr->tag, attr->value, all, cap);
    must(len <= cap);
    size_t less = dn_utf8(attr->tag, attr->value, part, cap / 2);
    must(less <= cap / 2 && less <= len && memcmp(all, part, less) == 0);
    free(part);
    free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t caps[] = {8, 64, 4096};
    struct span input = span_of(data, size);
    struct dn dn;
    struct dn_attr attr;
    char text[4096];
    uint32_t rdn = 0;

    dn_init(&dn, input);
    while (dn_next(&dn, &attr)) {
        inside(input, attr.oid);
        inside(input, attr.value);
        must(attr.rdn >= rdn);
        rdn = attr.rdn;
        convert(&attr);
    }
    for (size_t i = 0; i < countof(caps); i++) {
        size_t len = dn_text(input, text, caps[i]);
        must(len < caps[i] && strlen(text) == len);
        for (size_t k = 0; k < len; k++)
            must((uint8_t)text[k] >= 0x20 && text[k] != 0x7f);
    }
    return 0;
}
