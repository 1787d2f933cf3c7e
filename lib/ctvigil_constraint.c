#include "lib/inner.h"
#include "parser/nc.h"

struct walk {
    struct nc nc;
    struct nc_item item;
};

INNER(walk, struct walk, struct ctvigil_constraint)

void ctvigil_constraint_begin(struct ctvigil_constraint *constraint, const struct ctvigil_cert *cert)
{
    struct walk *walk = walk_of(constraint);

    walk->item = (struct nc_item){.base = {.kind = SAN_UNKNOWN_KIND}};
    nc_init(&walk->nc, inner_cert_in(cert)->name_constraints);
}

bool ctvigil_constraint_next(struct ctvigil_constraint *constraint)
{
    struct walk *walk = walk_of(constraint);

    if (nc_next(&walk->nc, &walk->item))
        return true;
    walk->item = (struct nc_item){.base = {.kind = SAN_UNKNOWN_KIND}};
    return false;
}

bool ctvigil_constraint_excluded(const struct ctvigil_constraint *constraint)
{
    return walk_in(constraint)->item.side == NC_EXCLUDED;
}

int ctvigil_constraint_kind(const struct ctvigil_constraint *constraint)
{
    return (int)walk_in(constraint)->item.base.kind;
}

struct ctvigil_bytes ctvigil_constraint_value(const struct ctvigil_constraint *constraint)
{
    return inner_bytes(walk_in(constraint)->item.base.value);
}

bool ctvigil_constraint_bounded(const struct ctvigil_constraint *constraint)
{
    return walk_in(constraint)->item.bounded;
}

bool ctvigil_constraint_damaged(const struct ctvigil_constraint *constraint)
{
    return walk_in(constraint)->nc.damaged;
}
