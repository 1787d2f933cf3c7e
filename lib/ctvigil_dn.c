#include "lib/inner.h"
#include "parser/dn.h"

struct walk {
    struct dn dn;
    struct dn_attr item;
};

INNER(walk, struct walk, struct ctvigil_dn)

void ctvigil_dn_begin(struct ctvigil_dn *dn, struct ctvigil_bytes name)
{
    struct walk *walk = walk_of(dn);

    walk->item = (struct dn_attr){.tag = 0};
    dn_init(&walk->dn, inner_span(name));
}

bool ctvigil_dn_next(struct ctvigil_dn *dn)
{
    struct walk *walk = walk_of(dn);

    if (dn_next(&walk->dn, &walk->item))
        return true;
    walk->item = (struct dn_attr){.tag = 0};
    return false;
}

struct ctvigil_bytes ctvigil_dn_oid(const struct ctvigil_dn *dn)
{
    return inner_bytes(walk_in(dn)->item.oid);
}

struct ctvigil_bytes ctvigil_dn_value(const struct ctvigil_dn *dn)
{
    return inner_bytes(walk_in(dn)->item.value);
}

uint32_t ctvigil_dn_tag(const struct ctvigil_dn *dn)
{
    return walk_in(dn)->item.tag;
}

uint32_t ctvigil_dn_rdn(const struct ctvigil_dn *dn)
{
    return walk_in(dn)->item.rdn;
}

bool ctvigil_dn_damaged(const struct ctvigil_dn *dn)
{
    return walk_in(dn)->dn.damaged || walk_in(dn)->dn.in_parts;
}

size_t ctvigil_dn_text(struct ctvigil_bytes name, char *out, size_t cap)
{
    if (cap >= 8)
        return dn_text(inner_span(name), out, cap);
    if (cap != 0)
        *out = '\0';
    return 0;
}
