#include "lib/inner.h"
#include "parser/crldp.h"

struct walk {
    struct crldp crldp;
    struct crldp_item item;
};

INNER(walk, struct walk, struct ctvigil_crl)

void ctvigil_crl_begin(struct ctvigil_crl *crl, const struct ctvigil_cert *cert)
{
    struct walk *walk = walk_of(crl);

    walk->item = (struct crldp_item){.name = {.kind = SAN_UNKNOWN_KIND}};
    crldp_init(&walk->crldp, inner_cert_in(cert)->crl_points);
}

bool ctvigil_crl_next(struct ctvigil_crl *crl)
{
    struct walk *walk = walk_of(crl);

    if (crldp_next(&walk->crldp, &walk->item))
        return true;
    walk->item = (struct crldp_item){.name = {.kind = SAN_UNKNOWN_KIND}};
    return false;
}

uint32_t ctvigil_crl_point(const struct ctvigil_crl *crl)
{
    return walk_in(crl)->item.point;
}

int ctvigil_crl_kind(const struct ctvigil_crl *crl)
{
    return (int)walk_in(crl)->item.name.kind;
}

struct ctvigil_bytes ctvigil_crl_value(const struct ctvigil_crl *crl)
{
    return inner_bytes(walk_in(crl)->item.name.value);
}

struct ctvigil_bytes ctvigil_crl_relative(const struct ctvigil_crl *crl)
{
    return inner_bytes(walk_in(crl)->item.relative);
}

struct ctvigil_bytes ctvigil_crl_reasons(const struct ctvigil_crl *crl)
{
    return inner_bytes(walk_in(crl)->item.reasons);
}

struct ctvigil_bytes ctvigil_crl_issuer(const struct ctvigil_crl *crl)
{
    return inner_bytes(walk_in(crl)->item.issuer);
}

bool ctvigil_crl_damaged(const struct ctvigil_crl *crl)
{
    return walk_in(crl)->crldp.damaged;
}
