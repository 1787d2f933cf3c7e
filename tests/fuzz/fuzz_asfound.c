/* Property: every dNSName of a SAN is told, by a name that equals it but for the case of ASCII letters or by
 * its bytes among those that were found; and what was found lies inside the input. */
#include <strings.h>

#include "base/dns.h"
#include "parser/asfound.h"
#include "parser/names.h"
#include "parser/san.h"
#include "tests/fuzz/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_told(const struct name *names, size_t count, struct span raw)
{
    for (size_t i = 0; i < count; i++) {
        const struct name *name = &names[i];
        bool whole = name->text.len == raw.len && (name->flags & NAME_PLACEHOLDER) == 0;
        bool same = whole && memchr(raw.at, 0, raw.len) == NULL;
        if (same && strncasecmp((const char *)name->text.at, (const char *)raw.at, raw.len) == 0)
            return true;
    }
    return false;
}

static bool is_found(const struct name *found, size_t count, struct span raw)
{
    for (size_t i = 0; i < count; i++) {
        if (found[i].raw.at == raw.at && found[i].raw.len == raw.len)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool loaded;
    struct cert cert = {.san = span_of(data, size)};
    struct finding_set findings = {{0, 0}};
    struct arena arena;
    struct name *names;
    struct name *found;
    struct san san;
    struct san_item item;
    size_t count;
    size_t found_count;

    if (!loaded)
        must(dns_psl_load(SPAN_LIT("com\norg\nco.uk\nuk\n"), NULL) == ERR_OK);
    loaded = true;
    if (size > 4096)
        return 0;
    must(arena_init(&arena, 4u << 20));
    names_collect(&cert, &arena, &names, &count, &findings);
    asfound_collect(&cert, names, count, &arena, &found, &found_count, &findings);
    must(!finding_has(&findings, FINDING_NAMES_TRUNCATED));
    for (size_t i = 0; i < found_count; i++)
        inside(cert.san, found[i].raw);
    san_init(&san, &cert);
    while (san_next(&san, &item)) {
        if (item.kind == SAN_DNS)
            must(is_told(names, count, item.value) || is_found(found, found_count, item.value));
    }
    arena_fini(&arena);
    return 0;
}
