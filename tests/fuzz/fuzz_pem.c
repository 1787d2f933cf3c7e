/* Every block lies inside the text, in order, and what is cut off ends where another begins. */
#include <stdlib.h>

#include "cli/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const uint8_t *from, const uint8_t *to, struct span part)
{
    must(part.at >= from && part.at + part.len <= to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pem pem = pem_of(span_of(data, size));
    const uint8_t *at = data;
    struct pem_block block;
    size_t len;

    must(pem_is(pem.rest) || !pem_next(&pem, &block));
    while (pem_next(&pem, &block)) {
        check_inside(at, data + size, block.label);
        check_inside(block.label.at, data + size, block.body);
        must(!pem_is(block.body));
        uint8_t *out = malloc(block.body.len + 1);
        must(out != NULL);
        must(!pem_decode(block.body, out, &len) || len <= block.body.len / 4 * 3);
        free(out);
        at = block.body.at + block.body.len;
    }
    return 0;
}
