/* What is said of a bare TBSCertificate is said of the certificate around it too, apart from its size; asked
 * twice it says the same; and of what could not be read it says nothing. */
#include "parser/lint.h"
#include "parser/tbs.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct finding_set whole = {{0, 0}};
    struct finding_set again = {{0, 0}};
    struct finding_set bare = {{0, 0}};
    struct cert cert;
    struct cert inner;

    bool good = tbs_read_certificate(span_of(data, size), &cert);
    lint_read(&cert, &whole);
    lint_read(&cert, &again);
    must(memcmp(&whole, &again, sizeof whole) == 0);
    must(good || finding_none(&whole));
    if (!good || !tbs_read(cert.tbs, &inner))
        return 0;
    lint_read(&inner, &bare);
    finding_merge(&again, &bare);
    must(memcmp(&whole, &again, sizeof whole) == 0);
    return 0;
}
