#include "lib/inner.h"
#include "parser/eku.h"

struct walk {
    struct eku eku;
    struct span item;
};

INNER(walk, struct walk, struct ctvigil_eku)

void ctvigil_eku_begin(struct ctvigil_eku *eku, const struct ctvigil_cert *cert)
{
    struct walk *walk = walk_of(eku);

    walk->item = SPAN_NONE;
    eku_init(&walk->eku, inner_cert_in(cert)->eku);
}

bool ctvigil_eku_next(struct ctvigil_eku *eku)
{
    struct walk *walk = walk_of(eku);

    if (eku_next(&walk->eku, &walk->item))
        return true;
    walk->item = SPAN_NONE;
    return false;
}

struct ctvigil_bytes ctvigil_eku_oid(const struct ctvigil_eku *eku)
{
    return inner_bytes(walk_in(eku)->item);
}

bool ctvigil_eku_damaged(const struct ctvigil_eku *eku)
{
    return walk_in(eku)->eku.damaged;
}
