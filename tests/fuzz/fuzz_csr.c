/* What is read of a request lies inside it, and is what its framing says. */
#include "parser/csr.h"
#include "parser/san.h"
#include "tests/fuzz/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct cert cert = {.path_len = -1};
    struct san san;
    struct san_item item;
    if (!csr_read(input, &cert))
        return 0;
    inside(input, cert.subject);
    inside(input, cert.spki);
    must(cert.subject.len >= 2 && cert.subject.at[0] == 0x30 && cert.spki.at[0] == 0x30);
    must(cert.subject.at + cert.subject.len <= cert.spki.at);
    if (cert.exts.at != NULL)
        inside(input, cert.exts);
    san_init(&san, &cert);
    while (san_next(&san, &item))
        inside(input, item.whole);
    return 0;
}
