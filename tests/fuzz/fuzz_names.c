/* Names are never empty because of damage: a certificate or SAN that can not be read to its end has a
 * placeholder, and so has one whose names do not fit into memory. What fits is the beginning of what is
 * there. */
#include <stdlib.h>

#include "base/dns.h"
#include "parser/names.h"
#include "parser/tbs.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static bool has_placeholder(const struct name *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if ((names[i].flags & NAME_PLACEHOLDER) != 0)
            return true;
    }
    return false;
}

static void check(const struct cert *cert, size_t ceiling)
{
    struct finding_set findings = {{0, 0}};
    struct arena arena;
    struct name *names;
    size_t count;

    must(arena_init(&arena, ceiling));
    names_collect(cert, &arena, &names, &count, &findings);
    must(count == 0 || names != NULL);
    bool damage = finding_has(&cert->findings, FINDING_CERTIFICATE_UNREADABLE) ||
                  finding_has(&findings, FINDING_SAN_UNREADABLE) ||
                  finding_has(&findings, FINDING_NAMES_TRUNCATED) ||
                  finding_has(&findings, FINDING_NAME_LABEL_UNREADABLE);
    must(!damage || has_placeholder(names, count));
    for (size_t i = 0; i < count; i++) {
        const struct name *name = &names[i];
        must(name->raw.at != NULL);
        must(name->kind != NAME_IP || name->raw.len == 4 || name->raw.len == 16);
        must(name->kind != NAME_DNS || name->text.len != 0);
        for (size_t k = 0; name->kind == NAME_DNS && k < name->text.len; k++)
            must(name->text.at[k] > 0x20 && name->text.at[k] < 0x7f);
        if (name->apex.at != NULL)
            inside(name->text, name->apex);
        for (size_t k = 0; k < i && i < 64; k++)
            must(names[k].kind != name->kind || !span_eq(names[k].text, name->text) ||
                 !span_eq(names[k].raw, name->raw) || finding_has(&findings, FINDING_NAMES_TRUNCATED));
    }
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool loaded;
    struct span input = span_of(data, size);
    struct cert san_only = {.san = input, .flags = 0};
    struct cert cert;

    if (!loaded)
        must(dns_psl_load(SPAN_LIT("com\norg\nco.uk\nuk\n"), NULL) == ERR_OK);
    loaded = true;
    (void)tbs_read_certificate(input, &cert);
    check(&cert, 1u << 20);
    check(&cert, 0);
    check(&cert, 700);
    check(&san_only, 1u << 20);
    check(&san_only, 900);
    return 0;
}
