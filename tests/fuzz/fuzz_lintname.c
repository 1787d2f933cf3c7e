/* The first octet is the kind, the rest the name. Only the finding of that kind can come out, and one that is
 * right stays right when a letter is put before a mail address or behind a URI. */
#include "parser/lintname.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static struct finding_set look(enum san_kind kind, const uint8_t *text, size_t len)
{
    struct san_item item = {.kind = kind, .value = span_of(text, len)};
    struct finding_set findings = {{0, 0}};

    lintname_general(&item, &findings);
    return findings;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t longer[1024];

    if (size == 0 || size + 1 > sizeof longer)
        return 0;
    enum san_kind kind = (enum san_kind)(data[0] % (SAN_UNKNOWN_KIND + 1));
    struct finding_set findings = look(kind, data + 1, size - 1);
    must(kind == SAN_DNS || !finding_has(&findings, FINDING_DNS_LONG));
    must(kind == SAN_URI || !finding_has(&findings, FINDING_URI_FORM));
    must(kind == SAN_EMAIL || !finding_has(&findings, FINDING_EMAIL_FORM));
    if (!finding_none(&findings) || (kind != SAN_URI && kind != SAN_EMAIL))
        return 0;
    bool before = kind == SAN_EMAIL;
    longer[before ? 0 : size - 1] = 'a';
    memcpy(longer + before, data + 1, size - 1);
    findings = look(kind, longer, size);
    must(finding_none(&findings));
    return 0;
}
