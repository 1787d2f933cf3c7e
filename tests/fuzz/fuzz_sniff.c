/* What some bytes are depends on nothing but them, no matter how long they are; packing them in PEM gives
 * PEM, and what is recognised as one that can be read is one of those that have no advice. */
#include <stdlib.h>

#include "base/text.h"
#include "cli/pem.h"
#include "cli/sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
    static const char end[] = "\n-----END CERTIFICATE-----\n";
    struct span bytes = span_of(data, size);
    enum sniff kind = sniff_bytes(bytes);
    size_t cap = sizeof begin + sizeof end + (size + 2) / 3 * 4 + 1;
    char *text = malloc(cap);
    uint8_t *back = malloc(cap);
    struct pem_block block;
    size_t len = 0;

    must(kind < SNIFF_COUNT && sniff_der(bytes) != SNIFF_UNKNOWN && text != NULL && back != NULL);
    memcpy(text, begin, sizeof begin - 1);
    len = sizeof begin - 1;
    len += text_base64(bytes, text + len);
    memcpy(text + len, end, sizeof end - 1);
    len += sizeof end - 1;
    must(sniff_bytes(span_of(text, len)) == SNIFF_PEM);
    struct pem pem = pem_of(span_of(text, len));
    must(pem_next(&pem, &block) && !block.cut && pem_decode(block.body, back, &len));
    must(span_eq(span_of(back, len), bytes) && sniff_bytes(span_of(back, len)) == kind);
    must(!pem_next(&pem, &block));
    free(text);
    free(back);
    return 0;
}
