#include "lib/inner.h"
#include "parser/certpol.h"

struct walk {
    struct certpol certpol;
    struct certpol_item item;
};

INNER(walk, struct walk, struct ctvigil_policy)

void ctvigil_policy_begin(struct ctvigil_policy *policy, const struct ctvigil_cert *cert)
{
    struct walk *walk = walk_of(policy);

    walk->item = (struct certpol_item){.id = OID_UNKNOWN};
    certpol_init(&walk->certpol, inner_cert_in(cert)->policies);
}

bool ctvigil_policy_next(struct ctvigil_policy *policy)
{
    struct walk *walk = walk_of(policy);

    if (certpol_next(&walk->certpol, &walk->item))
        return true;
    walk->item = (struct certpol_item){.id = OID_UNKNOWN};
    return false;
}

struct ctvigil_bytes ctvigil_policy_oid(const struct ctvigil_policy *policy)
{
    return inner_bytes(walk_in(policy)->item.oid);
}

struct ctvigil_bytes ctvigil_policy_cps(const struct ctvigil_policy *policy)
{
    return inner_bytes(walk_in(policy)->item.cps);
}

struct ctvigil_bytes ctvigil_policy_qualifiers(const struct ctvigil_policy *policy)
{
    return inner_bytes(walk_in(policy)->item.qualifiers);
}

bool ctvigil_policy_damaged(const struct ctvigil_policy *policy)
{
    return walk_in(policy)->certpol.damaged;
}
